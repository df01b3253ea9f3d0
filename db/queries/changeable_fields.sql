select priority_rank, weight, max_replicas, start_before, finish_before, tags, show, shot from job where id = :job_id
