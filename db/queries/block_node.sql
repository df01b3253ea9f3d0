-- What of the job waits at a replica of that machine is free again.
with blocked as (
    update job_block set blocked_at = now() where job_id = :job_id and node = :node and pipeline = :pipeline
    returning node
), staged as (
    select work.id from work
    join replica on replica.id = work.assigned_to
    join blocked on blocked.node = replica.node
    where work.job_id = :job_id and work.kind <> 'range' and work.state = 'queued'
    order by work.id
    for no key update of work skip locked
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
