select id, job_id, first, count, generation from work
where job_id = any(cast(:job_ids as uuid[])) and kind = 'range' and state = 'queued' and not gated
order by job_id, first, id
for no key update
