-- Jobs that have work to place or in flight. What no row holds and has no outcome is not carved yet. Of a job whose
-- frames are split, the parts are counted and timed: each is placed like a chunk. A merge is no replica's work.
-- Nor may it be carved while it waits for another job's frames, or for approval behind the scout frames.
-- Until a job has a frame time of its own, it has that of any job that rendered the same scene with the same settings.
select job.id, job.project_id, job.spec ->> 'pipeline' as pipeline, model.digest as model_digest,
       job.state = 'running' as started, job.priority_rank, job.weight,
       extract(epoch from job.created_at)::double precision as created,
       job.engine_version, job.device_class, job.spec -> 'labels' as labels,
       case when job.render_count > 0 then job.render_ms_sum / job.render_count / 1000.0 / job.split_parts
            else (select alike.render_ms_sum / alike.render_count / 1000.0 / alike.split_parts from job as alike
                  where alike.project_id = job.project_id and alike.render_key = job.render_key
                    and alike.render_count > 0
                  limit 1) end as frame_seconds,
       least(
            job.total - job.committed - job.reused - job.failed - job.canceled - job.skipped - live.frames,
            ranges.positions
       ) * job.split_parts as uncarved,
       job.split_parts, ranges.gated,
       coalesce(live.active, 0) as active, coalesce(live.loose, '[]') as loose
from job
join model on model.id = job.model_id
cross join lateral (
    select coalesce(sum(cardinality(work.ordinals)) filter (where work.kind = 'chunk'), 0)
               + count(distinct work.ordinals[1]) filter (where work.kind <> 'chunk') as frames,
           count(*) filter (
               where work.kind <> 'merge' and (work.state <> 'queued' or work.assigned_to is not null)
           ) as active,
           json_agg(json_build_array(work.id, cardinality(work.ordinals), work.avoid) order by work.id)
               filter (
                   where work.kind <> 'merge' and work.state = 'queued' and work.assigned_to is null
                     and work.not_before <= now()
               ) as loose
    from work
    where work.job_id = job.id and work.kind in ('chunk', 'part', 'merge')
      and work.state in ('queued', 'leased', 'rendering')
) as live
cross join lateral (
    select coalesce(sum(least(work.count, greatest(bound.position - work.first, 0))) filter (where not work.gated), 0)
               as positions,
           coalesce(bool_or(work.gated), false) as gated
    from work cross join (
        select coalesce(case when job.approved_at is null then job.scouts end, job.total) as position
    ) as bound
    where work.job_id = job.id and work.kind = 'range' and work.state = 'queued'
) as ranges
where job.state in ('queued', 'running')
order by job.created_at, job.id
