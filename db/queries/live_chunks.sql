select ordinals, state, replica_id, assigned_to from work
where job_id = :job_id and kind = 'chunk' and state in ('queued', 'leased', 'rendering')
