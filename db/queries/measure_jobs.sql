select priority_rank, state, count(*) as jobs, extract(epoch from now() - min(created_at)) as oldest_s
from job
where state not in ('succeeded', 'failed', 'canceled')
group by priority_rank, state
