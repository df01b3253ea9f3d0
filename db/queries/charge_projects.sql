-- Add to the projects what their jobs rendered since the last time, each charge decayed until now first. Ended jobs are
-- looked at for as long as their charge would count. Jobs before projects, in order of id; one that somebody holds is
-- left for the next time.
with due as materialized (
    select id, project_id, render_ms_sum - charged_ms as ms from job
    where render_ms_sum > charged_ms
      and (state not in ('succeeded', 'failed', 'canceled') or ended_at > now() - cast(:look_back as interval))
    order by id
    limit :batch
    for no key update skip locked
), charged as (
    update job set charged_ms = charged_ms + due.ms from due where job.id = due.id
    returning due.project_id, due.ms
), used as (
    select project_id, sum(ms) / 1000.0 as seconds from charged group by project_id
), settled as (
    update project set
        charged_s = used.seconds + project.charged_s
            * power(0.5, date_part('epoch', now() - project.charged_at)
                         / date_part('epoch', cast(:half_life as interval))),
        charged_at = now()
    from used where project.id = used.project_id
)
select count(*) from charged
