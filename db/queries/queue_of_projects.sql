-- Projects with work that has not ended: what they are owed by (use over weight, the smallest is next), and what stops
-- them. Use is decayed until now, as the planner reads it.
with open_jobs as (
    select project_id,
           count(*) filter (where state in ('queued', 'blocked')) as waiting,
           count(*) filter (where state in ('running', 'finishing', 'canceling')) as running,
           count(*) filter (where state in ('paused', 'awaiting_approval')) as held,
           coalesce(sum(total - committed - reused - failed - canceled - skipped) filter (
               where state in ('queued', 'running')
           ), 0)::bigint as frames,
           extract(epoch from now() - min(created_at) filter (where state = 'queued'))::double precision as oldest_s,
           sum(greatest(render_ms_sum - charged_ms, 0)) as unmetered_ms
    from job where state not in ('succeeded', 'failed', 'canceled')
    group by project_id
), in_flight as (
    select job.project_id, count(*) as chunks
    from work join job on job.id = work.job_id
    where work.kind in ('chunk', 'part') and work.state in ('leased', 'rendering')
    group by job.project_id
)
select * from (
    select project.slug, project.weight,
           project.charged_s * power(0.5, date_part('epoch', now() - project.charged_at)
                                          / date_part('epoch', cast(:half_life as interval)))
           + coalesce(open_jobs.unmetered_ms, 0) / 1000.0 as used_s,
           open_jobs.waiting, open_jobs.running, open_jobs.held, open_jobs.frames, open_jobs.oldest_s,
           coalesce(in_flight.chunks, 0) as chunks, stopped.reason as stopped
    from open_jobs
    join project on project.id = open_jobs.project_id
    left join in_flight on in_flight.project_id = project.id
    left join stopped_project as stopped on stopped.project_id = project.id
) as owed
order by used_s / weight, slug
limit :limit
