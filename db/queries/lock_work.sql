-- A work row of a job under lock, the job first (lock_job.sql says why). Whoever has both may change either. Of a split
-- frame all live rows are locked, in order of id: the outcome of one may end the others, and a beat may hold several.
with held as materialized (
    select id, project_id, state, total, committed, reused, failed, canceled, skipped, generation, priority_rank,
           scouts is not null and approved_at is null as scouting,
           coalesce((spec -> 'outputs' ->> 'previews')::boolean, true) as previews,
           coalesce((spec -> 'limits' ->> 'tries')::integer, 3) as tries_allowed
    from job where id = (select job_id from work where id = :work_id)
    for no key update
), frame as materialized (
    select other.id
    from held
    join work as mine on mine.job_id = held.id and mine.id = :work_id and mine.kind in ('part', 'merge')
    join work as other on other.job_id = held.id and other.generation = mine.generation
        and other.ordinals = mine.ordinals and other.kind in ('part', 'merge')
        and other.state in ('queued', 'leased', 'rendering')
    order by other.id
    for no key update of other
)
select work.id, work.fence, work.kind, work.task, work.state, work.ordinals, work.generation, work.replica_id,
       work.part, work.parts, work.tries, work.worker_failures, work.resource_failures, work.avoid, work.updated_at,
       held.id as job_id, held.project_id, held.state as job_state, held.total, held.committed, held.reused,
       held.failed, held.canceled, held.skipped, held.generation as job_generation, held.priority_rank, held.scouting,
       held.previews, held.tries_allowed
from work join held on held.id = work.job_id
where work.id = :work_id and (select count(*) from frame) >= 0
for no key update of work
