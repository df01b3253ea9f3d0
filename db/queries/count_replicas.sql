select case when drain then 'draining' else state end as state, count(*) as replicas
from replica
where state <> 'gone' and beat_at > now() - cast(:timeout as interval)
group by 1
order by 1
