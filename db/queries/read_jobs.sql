-- Jobs that have work to place, and those that have only chunks in flight. Of one project the first ones in the order
-- of urgency are read, beside those with chunks in flight; jobs that wait for something that others do not (a licence,
-- a replica that fits) come last, so that many of them do not keep the rest from being looked at.
-- What no chunk holds and has no outcome is not carved yet; a frame in parts is held by any of its parts or its merge.
-- Of a job whose frames are split, the parts are counted and timed: each is placed like a chunk.
-- Until a job has a frame time of its own, it has that of any job that rendered the same scene with the same settings.
-- Live work is added up once; the few loose chunks have an index of their own. What never changes of a job is read
-- by read_job_facts.sql; the order of the columns is what db/dispatch/snapshot.py unpacks.
with live as materialized (
    -- A chunk has a replica exactly where one of the two columns says so.
    select job_id,
           sum(cardinality(ordinals)) filter (where kind = 'chunk') as frames,
           count(coalesce(replica_id, assigned_to)) as active,
           sum(cardinality(ordinals)) filter (where coalesce(replica_id, assigned_to) is not null) as active_frames,
           max(updated_at) filter (where coalesce(replica_id, assigned_to) is not null) as moved_at
    from work
    where kind in ('chunk', 'part') and state in ('queued', 'leased', 'rendering')
    group by job_id
), loose as materialized (
    select job_id, json_agg(json_build_array(id, cardinality(ordinals), avoid)) as chunks
    from work
    where kind in ('chunk', 'part') and state = 'queued' and assigned_to is null and not_before <= now()
    group by job_id
), parted as materialized (
    select job_id, count(distinct ordinals[1]) as frames from (
        select job_id, ordinals from work where kind = 'part' and state in ('queued', 'leased', 'rendering')
        union all
        select job_id, ordinals from work where kind = 'merge' and state in ('queued', 'leased', 'rendering')
    ) as piece
    group by job_id
), ranges as materialized (
    -- Positions that may be carved now: not those that wait for another job's frames.
    select job_id, bool_or(gated) as gated, sum(count) filter (where not gated) as positions
    from work where kind = 'range' and state = 'queued'
    group by job_id
), listed as (
    select job.*, live.frames, live.active, live.active_frames,
           greatest(job.given_at, live.moved_at) as last_at,
           row_number() over (
               partition by job.project_id
               order by job.wait_reason in ('no_replica_fits', 'engine_version', 'blocked_nodes', 'licence', 'cap')
                        is true,
                        job.priority_rank, job.finish_before, job.created_at, job.id
           ) as turn
    from job left join live on live.job_id = job.id
    where job.state not in ('succeeded', 'failed', 'canceled')  -- the partial index of live jobs
      and (job.state in ('queued', 'running') or live.active > 0)
), blocked as (
    select job_id, pipeline, array_agg(node) as nodes from job_block where blocked_at is not null
    group by job_id, pipeline
)
select job.id::text, job.state, job.priority_rank, job.weight, job.engine_version, job.device_class, job.max_replicas,
       blocked.nodes as blocked_nodes,
       (least(
           job.total - job.committed - job.reused - job.failed - job.canceled - job.skipped
               - coalesce(job.frames, 0) - coalesce(parted.frames, 0),
           coalesce(case when job.scouts is null or job.approved_at is not null then ranges.positions else (
               -- the others wait for approval behind the scouts
               select sum(least(work.count, greatest(job.scouts - work.first, 0))) from work
               where work.job_id = job.id and work.kind = 'range' and work.state = 'queued' and not work.gated
           ) end, 0)
       ) * job.split_parts)::integer as uncarved,
       coalesce(ranges.gated, false) as gated, loose.chunks as loose,
       coalesce(job.active, 0) as active, coalesce(job.active_frames, 0) as active_frames,
       case when job.render_count > 0 then job.render_ms_sum / job.render_count / 1000.0 / job.split_parts
            when job.render_key is not null
            then (select alike.render_ms_sum / alike.render_count / 1000.0 / alike.split_parts from job as alike
                  where alike.project_id = job.project_id and alike.render_key = job.render_key
                    and alike.render_count > 0
                  limit 1) end as frame_seconds,
       date_part('epoch', now() - coalesce(job.last_at, job.started_at, job.created_at)) as waited_s,
       date_part('epoch', job.finish_before - now()) as finish_in_s
from listed as job
left join loose on loose.job_id = job.id
left join ranges on ranges.job_id = job.id
left join parted on parted.job_id = job.id
left join blocked on blocked.job_id = job.id and blocked.pipeline = job.spec ->> 'pipeline'
where job.turn <= :jobs_per_project or job.active > 0
