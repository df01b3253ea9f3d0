-- The replica's next chunk. The job's row is only read: a cancel that is under way holds the work row, and is skipped.
with picked as (
    select work.id, work.updated_at, job.project_id, job.spec, job.total, job.traceparent, model.id as model_id, model.digest, model.manifest
    from work join job on job.id = work.job_id join model on model.id = job.model_id
    where work.assigned_to = :replica_id and work.state = 'queued' and work.kind in ('chunk', 'part')
      and job.state = 'running'
      and not exists (select from stopped_project as stopped where stopped.project_id = job.project_id)
      and exists (select from accepting_replica where accepting_replica.id = :replica_id)
    order by work.priority_rank, work.id
    limit 1
    for no key update of work skip locked
)
update work set
    state = 'leased', fence = work.fence + 1, replica_id = :replica_id, cluster_id = :cluster_id, assigned_to = null,
    leased_until = now() + cast(:lease as interval), updated_at = now()
from picked where work.id = picked.id
returning work.id as work_id, work.fence, work.job_id, picked.project_id, work.generation, work.ordinals, work.part,
          work.parts, picked.model_id, picked.digest as model_digest, picked.manifest, picked.spec, work.tries,
          work.resource_failures, picked.total, coalesce(work.traceparent, picked.traceparent) as traceparent,
          extract(epoch from now() - picked.updated_at)::double precision * 1000 as waited_ms
