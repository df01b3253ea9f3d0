select kind, job_id, model_id from work where id = :work_id
