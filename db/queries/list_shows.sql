-- Shows of a project with what is in them, by name.
select show as name,
       count(distinct shot) as shots,
       count(*) as jobs,
       count(*) filter (where state not in ('succeeded', 'failed', 'canceled')) as live,
       count(*) filter (where state = 'failed') as failed,
       max(created_at) as last_created_at
from job
where project_id = :project_id and show is not null and (cast(:after as text) is null or show > :after)
group by show
order by show
limit :limit
