update job set canceled = canceled + :frames where id = :job_id
