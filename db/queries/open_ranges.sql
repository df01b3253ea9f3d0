-- Positions that were never carved in their generation, of a job that is under way.
select generation, first, count from work
where job_id = :job_id and kind = 'range' and state = 'queued' and count > 0
