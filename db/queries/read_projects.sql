-- What projects have used, decayed until now, and what their jobs rendered since the meter last came by; and what keeps
-- a project's work from starting: its money, and its quotas.
select project.id, project.weight,
       project.charged_s * power(0.5, date_part('epoch', now() - project.charged_at)
                                      / date_part('epoch', cast(:half_life as interval)))
       + coalesce(unmetered.ms, 0) / 1000.0 as charged_s,
       stopped.reason as stopped, quota.slots,
       case when quota.running_jobs is not null then quota.running_jobs - (
           select count(*) from job
           where job.project_id = project.id and job.state in ('running', 'finishing')
       ) end as free_jobs
from project
left join (
    select project_id, sum(render_ms_sum - charged_ms) as ms from job
    where (state not in ('succeeded', 'failed', 'canceled') or ended_at > now() - interval '1 minute')
      and render_ms_sum > charged_ms
    group by project_id
) as unmetered on unmetered.project_id = project.id
left join stopped_project as stopped on stopped.project_id = project.id
left join project_quota as quota
    on quota.project_id = project.id and (quota.slots is not null or quota.running_jobs is not null)
where project.charged_s > 0 or unmetered.ms > 0 or project.weight <> 100 or stopped.reason is not null
   or quota.project_id is not null
order by project.id
