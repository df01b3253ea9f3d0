-- Positions that were never carved, of a job that was canceled; any result counts then, of whatever generation.
select generation, first, count from work
where job_id = :job_id and kind = 'range' and state = 'canceled' and count > 0
