select spec ->> 'frames' from job where id = :job_id
