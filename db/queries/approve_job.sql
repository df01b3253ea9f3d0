update job set approved_at = now() where id = :job_id
