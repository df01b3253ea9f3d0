select first, count, generation from work
where job_id = :job_id and kind = 'range' and state = 'queued' and generation > 1
order by generation, first
