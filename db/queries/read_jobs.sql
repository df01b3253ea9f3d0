-- Jobs that have work to place, and those that have only chunks in flight. Of one project the first ones in the order
-- of urgency are read, beside those with chunks in flight; jobs that wait for something that others do not (a licence,
-- a replica that fits) come last, so that many of them do not keep the rest from being looked at.
-- What no chunk holds and has no outcome is not carved yet; a frame in parts is held by any of its parts or its merge.
-- Of a job whose frames are split, the parts are counted and timed: each is placed like a chunk.
-- Until a job has a frame time of its own, it has that of any job that rendered the same scene with the same settings.
-- Live work is added up once; the few loose chunks have an index of their own. What never changes of a job is read
-- by read_job_facts.sql; the order of the columns is what db/dispatch/job_views.py unpacks. The variant read_jobs.some
-- reads those of `ids` alone, whatever their number per project.
with live as materialized (
    -- A chunk has a replica exactly where one of the two columns says so.
    select job_id,
           sum(cardinality(ordinals)) filter (where kind = 'chunk') as frames,
           count(coalesce(replica_id, assigned_to)) as active,
           sum(cardinality(ordinals)) filter (where coalesce(replica_id, assigned_to) is not null) as active_frames,
           max(updated_at) filter (where coalesce(replica_id, assigned_to) is not null) as moved_at
    from work
    where kind in ('chunk', 'part') and state in ('queued', 'leased', 'rendering')
      --some and job_id = any(cast(:ids as uuid[]))
    group by job_id
), loose as materialized (
    select job_id, json_agg(json_build_array(id, cardinality(ordinals), avoid)) as chunks
    from work
    where kind in ('chunk', 'part') and state = 'queued' and assigned_to is null and not_before <= now()
      --some and job_id = any(cast(:ids as uuid[]))
    group by job_id
), parted as materialized (
    select job_id, count(distinct ordinals[1]) as frames from (
        select job_id, ordinals from work where kind = 'part' and state in ('queued', 'leased', 'rendering')
        union all
        select job_id, ordinals from work where kind = 'merge' and state in ('queued', 'leased', 'rendering')
    ) as piece
    --some where job_id = any(cast(:ids as uuid[]))
    group by job_id
), ranges as materialized (
    -- Positions that may be carved now: not those that wait for another job's frames.
    select job_id, bool_or(gated) as gated, sum(count) filter (where not gated) as positions
    from work where kind = 'range' and state = 'queued'
      --some and job_id = any(cast(:ids as uuid[]))
    group by job_id
), listed as materialized (
    -- Named one by one: to carry whole rows along, with their specs, would cost more than all that is read of work.
    select job.id, job.project_id, job.state, job.priority_rank, job.weight, job.engine_version, job.device_class,
           job.max_replicas, job.split_parts, job.scouts, job.approved_at, job.wait_reason, job.created_at,
           job.total - job.committed - job.reused - job.failed - job.canceled - job.skipped
               - coalesce(live.frames, 0) as unheld,
           job.render_key, job.render_count, job.render_ms_sum, job.finish_before,
           coalesce(greatest(job.given_at, live.moved_at), job.started_at, job.created_at) as last_at,
           coalesce(live.active, 0) as active, coalesce(live.active_frames, 0) as active_frames
    from job left join live on live.job_id = job.id
    where job.state not in ('succeeded', 'failed', 'canceled')  -- the partial index of live jobs
      and (job.state in ('queued', 'running') or live.active > 0)
      --some and job.id = any(cast(:ids as uuid[]))
), turns as (
    -- Only of projects that have more than are read: to sort all of them would take as long as to find them.
    select id,
           row_number() over (
               partition by project_id
               order by wait_reason in ('no_replica_fits', 'engine_version', 'blocked_nodes', 'licence', 'cap') is true,
                        priority_rank, finish_before, created_at, id
           ) as turn
    from listed
    where project_id in (select project_id from listed group by project_id having count(*) > :jobs_per_project)
), blocked as (
    select job_block.job_id, array_agg(job_block.node) as nodes
    from job_block join job on job.id = job_block.job_id and job.spec ->> 'pipeline' = job_block.pipeline
    where job_block.blocked_at is not null
    group by job_block.job_id
)
select job.id::text, job.state, job.priority_rank, job.weight, job.engine_version, job.device_class, job.max_replicas,
       blocked.nodes as blocked_nodes,
       (least(
           job.unheld - coalesce(parted.frames, 0),
           coalesce(case when job.scouts is null or job.approved_at is not null then ranges.positions else (
               -- the others wait for approval behind the scouts
               select sum(least(work.count, greatest(job.scouts - work.first, 0))) from work
               where work.job_id = job.id and work.kind = 'range' and work.state = 'queued' and not work.gated
           ) end, 0)
       ) * job.split_parts)::integer as uncarved,
       coalesce(ranges.gated, false) as gated, loose.chunks as loose,
       job.active, job.active_frames,
       case when job.render_count > 0 then job.render_ms_sum / job.render_count / 1000.0 / job.split_parts
            when job.render_key is not null
            then (select alike.render_ms_sum / alike.render_count / 1000.0 / alike.split_parts from job as alike
                  where alike.project_id = job.project_id and alike.render_key = job.render_key
                    and alike.render_count > 0
                  limit 1) end as frame_seconds,
       date_part('epoch', now() - job.last_at) as waited_s,
       date_part('epoch', job.finish_before - now()) as finish_in_s
from listed as job
left join loose on loose.job_id = job.id
left join ranges on ranges.job_id = job.id
left join parted on parted.job_id = job.id
left join blocked on blocked.job_id = job.id
left join turns on turns.id = job.id
where coalesce(turns.turn, 0) <= :jobs_per_project or job.active > 0
