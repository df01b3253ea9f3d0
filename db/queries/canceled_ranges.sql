-- Positions that were never carved, of a job that was canceled.
select first, count from work where job_id = :job_id and kind = 'range' and state = 'canceled' and count > 0
