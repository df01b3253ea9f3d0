-- Rows that hold frames. A split frame has several: the parts that are not done, or the merge of all.
select kind, ordinals, parts, state, replica_id from work
where job_id = :job_id and kind in ('chunk', 'part', 'merge') and state in ('queued', 'leased', 'rendering')
order by id
