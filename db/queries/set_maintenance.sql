-- What is said again keeps its time.
insert into maintenance (active, drain, message, since, set_by)
values (:active, :drain, :message, case when :active then now() end, :set_by)
on conflict (id) do update set
    active = excluded.active, drain = excluded.drain, message = excluded.message, set_by = excluded.set_by,
    since = case when excluded.active then coalesce(maintenance.since, excluded.since) end
