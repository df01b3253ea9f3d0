select id, job_id, first, count from work
where job_id = any(cast(:job_ids as uuid[])) and kind = 'range' and state = 'queued'
order by job_id, first, id
for no key update
