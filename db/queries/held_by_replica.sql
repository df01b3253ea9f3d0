select id, job_id from work where replica_id = :replica_id and state in ('leased', 'rendering') and kind in ('chunk', 'part')
order by job_id, id
