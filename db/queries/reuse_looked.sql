update job set reuse_next = :beyond where id = :job_id
