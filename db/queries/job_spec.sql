select spec from job where id = :job_id
