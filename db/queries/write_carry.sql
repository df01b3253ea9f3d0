insert into usage_carry (project_id, unit, rest) values (:project_id, :unit, :rest)
on conflict (project_id, unit) do update set rest = excluded.rest
