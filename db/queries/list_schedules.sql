select name, schedule, set_by, updated_at from worker_schedule order by name
