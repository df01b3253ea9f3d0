-- Tags of a project's jobs with how many have them, by name.
select tag as name,
       count(*) as jobs,
       count(*) filter (where state not in ('succeeded', 'failed', 'canceled')) as live,
       count(*) filter (where state = 'failed') as failed,
       max(created_at) as last_created_at
from job cross join lateral unnest(tags) as tag
where project_id = :project_id and tags <> '{}' and (cast(:after as text) is null or tag > :after)
group by tag
order by tag
limit :limit
