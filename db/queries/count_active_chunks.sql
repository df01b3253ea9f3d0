select count(*) from work where job_id = :job_id and kind in ('chunk', 'part') and state in ('leased', 'rendering')
