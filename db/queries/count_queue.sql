select priority_rank,
       count(*) filter (where state in ('queued', 'blocked')) as waiting,
       count(*) filter (where state in ('running', 'finishing', 'canceling')) as running,
       count(*) filter (where state in ('paused', 'awaiting_approval')) as held,
       sum(total - committed - reused - failed - canceled - skipped) filter (
           where state in ('queued', 'running')
       )::bigint as frames,
       extract(epoch from now() - min(created_at) filter (where state = 'queued'))::double precision as oldest_s
from job
where state not in ('succeeded', 'failed', 'canceled')
group by priority_rank
order by priority_rank
