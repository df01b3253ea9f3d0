-- What claim_chunk.sql would take, were it not locked by another.
select exists (
    select from work join job on job.id = work.job_id
    where work.assigned_to = :replica_id and work.state = 'queued' and work.kind in ('chunk', 'part')
      and job.state = 'running'
      and not exists (select from stopped_project as stopped where stopped.project_id = job.project_id)
      and exists (select from accepting_replica where accepting_replica.id = :replica_id)
)
