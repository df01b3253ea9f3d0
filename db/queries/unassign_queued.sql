-- A paused job starts nothing: what waits at a replica comes back.
update work set assigned_to = null, updated_at = now()
where job_id = :job_id and state = 'queued' and assigned_to is not null
