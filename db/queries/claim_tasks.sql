-- Somebody waits for a probe, a frame for its merge, and a job for its film; previews come after all of them.
with picked as (
    select work.id from work
    where work.state = 'queued' and work.kind in ('post', 'probe', 'merge') and work.kind = any(cast(:kinds as text[]))
      and work.not_before <= now()
      and not exists (select from maintenance where drain)
      and coalesce(cast(:previews as boolean) = coalesce(work.task = 'preview', false), true)
    order by work.kind <> 'probe', work.priority_rank, coalesce(work.task = 'preview', false), work.kind <> 'merge', work.id
    limit :limit
    for no key update skip locked
)
update work set
    state = 'leased', fence = work.fence + 1, replica_id = :holder, leased_until = now() + cast(:lease as interval),
    updated_at = now()
from picked where work.id = picked.id
returning work.id as work_id, work.fence, work.kind, work.task, work.job_id, work.model_id, work.ordinals, work.data,
          work.generation, work.tries,
          coalesce(work.traceparent, (select job.traceparent from job where job.id = work.job_id)) as traceparent,
          coalesce((select job.total from job where job.id = work.job_id), 1) as total
