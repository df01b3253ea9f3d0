select id, first, count, generation from work
where job_id = :job_id and kind = 'range' and state = 'queued' and gated
order by first, id
for no key update
