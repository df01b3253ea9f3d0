select case when webhook_id is null then 'target' else 'webhook' end as receiver,
       count(*) as waiting, extract(epoch from now() - min(created_at)) as lag_s
from outbox
where state = 'queued'
group by 1
