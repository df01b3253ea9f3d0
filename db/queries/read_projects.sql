-- What projects have used, decayed until now, and what their jobs rendered since the meter last came by.
select project.id, project.weight,
       project.charged_s * power(0.5, date_part('epoch', now() - project.charged_at)
                                      / date_part('epoch', cast(:half_life as interval)))
       + coalesce(unmetered.ms, 0) / 1000.0 as charged_s
from project
left join (
    select project_id, sum(render_ms_sum - charged_ms) as ms from job
    where (state not in ('succeeded', 'failed', 'canceled') or ended_at > now() - interval '1 minute')
      and render_ms_sum > charged_ms
    group by project_id
) as unmetered on unmetered.project_id = project.id
where project.charged_s > 0 or unmetered.ms > 0 or project.weight <> 100
order by project.id
