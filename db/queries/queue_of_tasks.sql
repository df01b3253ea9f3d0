select kind, count(*) filter (where state = 'queued') as waiting,
       count(*) filter (where state in ('leased', 'rendering')) as running,
       extract(epoch from now() - min(created_at) filter (where state = 'queued'))::double precision as oldest_s
from work
where kind in ('probe', 'merge', 'post') and state in ('queued', 'leased', 'rendering')
group by kind order by kind
