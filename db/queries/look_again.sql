update job_dependency set seen_seq = -1 where job_id = :job_id and kind = 'frame'
