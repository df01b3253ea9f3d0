-- Positions that were never carved, of a job that is under way.
select first, count from work where job_id = :job_id and kind = 'range' and state = 'queued' and count > 0
