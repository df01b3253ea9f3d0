-- How many jobs wait for what, by class, as the last plan of each left it.
select priority_rank, wait_reason as reason, count(*) as jobs, min(created_at) as oldest_at
from job
where state in ('queued', 'running') and wait_reason is not null
group by priority_rank, wait_reason
order by priority_rank, jobs desc, reason
