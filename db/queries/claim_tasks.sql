-- In turn by project: first who has fewest running, then who was served longest ago (:served, the latest last). Within a
-- project somebody waits for a probe, a frame for its merge, and a job for its film; previews come after all of them.
-- Three lines, as the index work_tasks has them: what the farm makes by itself (0), steps that a person asked for (1),
-- which wait while their project has no money, and previews (2). Each step of ``waiting`` is one look into the index, so
-- that what a project has in line behind its first few costs nobody anything.
with recursive line as (
    select unnest(case when cast(:previews as boolean) then array[2] when not cast(:previews as boolean) then array[0, 1]
                  else array[0, 1, 2] end) as number
), waiting (line, project_id) as (
    select line.number, head.project_id from line cross join lateral (
        select work.project_id from work
        where work.state = 'queued' and work.kind in ('post', 'probe', 'merge')
          and (case work.task when 'preview' then 2 when 'step' then 1 else 0 end) = line.number
        order by work.project_id
        limit 1
    ) as head
    union all
    select waiting.line, following.project_id from waiting cross join lateral (
        select work.project_id from work
        where work.state = 'queued' and work.kind in ('post', 'probe', 'merge')
          and (case work.task when 'preview' then 2 when 'step' then 1 else 0 end) = waiting.line
          and work.project_id > waiting.project_id
        order by work.project_id
        limit 1
    ) as following
), running as materialized (
    select project_id, count(*) as tasks from work
    where state in ('leased', 'rendering') and kind in ('post', 'probe', 'merge')
      and coalesce((coalesce(task, '') = 'preview') = cast(:previews as boolean), true)
    group by project_id
), candidates as (
    select waiting.project_id, task.*,
           row_number() over (partition by waiting.project_id order by task.kind <> 'probe', task.priority_rank,
                              waiting.line = 2, task.kind <> 'merge', task.id) as turn
    from waiting cross join lateral (
        select work.id, work.kind, work.priority_rank from work
        where work.state = 'queued' and work.kind in ('post', 'probe', 'merge')
          and (case work.task when 'preview' then 2 when 'step' then 1 else 0 end) = waiting.line
          and work.project_id = waiting.project_id
          and work.kind = any(cast(:kinds as text[])) and work.not_before <= now()
        order by work.kind <> 'probe', work.priority_rank, work.kind <> 'merge', work.id
        limit :limit
    ) as task
    where not exists (select from maintenance where drain)
      and not (waiting.line = 1
               and exists (select from stopped_project as stopped where stopped.project_id = waiting.project_id))
), chosen as (
    select candidates.id from candidates left join running on running.project_id = candidates.project_id
    order by coalesce(running.tasks, 0) + candidates.turn,
             array_position(cast(:served as uuid[]), candidates.project_id) nulls first,
             candidates.kind <> 'probe', candidates.priority_rank, candidates.kind <> 'merge', candidates.id
    limit :limit
), picked as (
    select work.id from work join chosen on chosen.id = work.id
    where work.state = 'queued'
    order by work.id
    for no key update of work skip locked
)
update work set
    state = 'leased', fence = work.fence + 1, replica_id = :holder, leased_until = now() + cast(:lease as interval),
    updated_at = now()
from picked where work.id = picked.id
returning work.id as work_id, work.fence, work.kind, work.task, work.project_id, work.job_id, work.model_id,
          work.ordinals, work.data, work.generation, work.tries,
          coalesce(work.traceparent, (select job.traceparent from job where job.id = work.job_id)) as traceparent,
          coalesce((select job.total from job where job.id = work.job_id), 1) as total
