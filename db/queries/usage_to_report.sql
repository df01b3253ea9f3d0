-- The first hour (UTC) with use that stands in no report, and what was used until its end, or until the customer was none.
with first as (
    select date_trunc('hour', min(at), 'UTC') as hour from usage
    where project_id = :project_id and at >= :since
      and at < least(date_trunc('hour', now() - cast(:settled as interval), 'UTC'), cast(:stops_at as timestamptz))
), span as (
    select greatest(hour, :since) as since, least(hour + interval '1 hour', cast(:stops_at as timestamptz)) as until
    from first where hour is not null
)
select span.since, span.until, sum(usage.gpu_us)::numeric as gpu_us, sum(usage.cpu_us)::numeric as cpu_us,
       sum(usage.cost) as cost
from span join usage on usage.project_id = :project_id and usage.at >= span.since and usage.at < span.until
group by span.since, span.until
