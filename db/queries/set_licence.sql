insert into licence (name, capacity) values (:name, :capacity)
on conflict (name) do update set capacity = excluded.capacity
