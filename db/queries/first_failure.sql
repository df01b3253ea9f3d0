select frame, end_reason, message from frame_result
where job_id = :job_id and generation = :generation and state = 'failed'
order by at, ordinal limit 1
