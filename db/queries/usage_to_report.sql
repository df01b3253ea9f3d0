-- The first hour (UTC) with use that stands in no report, and what was used until its end.
with first as (
    select date_trunc('hour', min(at), 'UTC') as hour from usage
    where project_id = :project_id and at >= :since and at < date_trunc('hour', now() - interval '5 minutes', 'UTC')
)
select greatest(first.hour, :since) as since, first.hour + interval '1 hour' as until,
       sum(usage.gpu_us)::numeric as gpu_us, sum(usage.cpu_us)::numeric as cpu_us, sum(usage.cost) as cost
from first join usage on usage.project_id = :project_id and usage.at >= :since
    and usage.at < first.hour + interval '1 hour'
group by first.hour
