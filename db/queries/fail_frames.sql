update job set failed = failed + :frames where id = :job_id
