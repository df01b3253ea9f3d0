insert into worker_schedule (name, schedule, set_by) values (:name, cast(:schedule as jsonb), :set_by)
on conflict (name) do update set schedule = excluded.schedule, set_by = excluded.set_by, updated_at = now()
