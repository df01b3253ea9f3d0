select count(*) from work where job_id = :job_id and kind = 'chunk' and state in ('leased', 'rendering')
