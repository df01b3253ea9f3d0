select node, pipeline, failures, blocked_at from job_block where job_id = :job_id order by node, pipeline
