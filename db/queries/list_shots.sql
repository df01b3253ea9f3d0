-- Shots of one show with what is in them, by name.
select shot as name,
       count(*) as jobs,
       count(*) filter (where state not in ('succeeded', 'failed', 'canceled')) as live,
       count(*) filter (where state = 'failed') as failed,
       max(created_at) as last_created_at
from job
where project_id = :project_id and show = :show and shot is not null
  and (cast(:after as text) is null or shot > :after)
group by shot
order by shot
limit :limit
