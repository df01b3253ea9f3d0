delete from job_block where job_id = :job_id and node = :node returning blocked_at
