select state, error from work where job_id = :job_id and generation = :generation and kind = 'post' and task = 'video'
