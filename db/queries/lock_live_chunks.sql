select id, kind, state, ordinals from work
where job_id = :job_id and kind in ('chunk', 'part', 'merge') and state in ('queued', 'leased', 'rendering')
order by id
for no key update
