select count(*) from work
where job_id = :job_id and kind = 'post' and task = 'step' and state in ('queued', 'leased', 'rendering')
