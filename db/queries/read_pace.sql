-- What was rendered and what it cost, by minute, the running one last. Of each project one range of the ledger's index;
-- whether a frame was warm stands with its result.
with span as (
    select date_trunc('minute', now()) as ends, date_trunc('minute', now()) - make_interval(mins => :minutes - 1) as begins
), used as (
    select date_trunc('minute', usage.at) as minute,
           count(*) filter (where usage.kind in ('frame', 'merge')) as frames,
           count(*) filter (where result.warm) as warm,
           count(result.warm) as known,
           sum(usage.cost) as cost
    from span
    cross join project
    cross join lateral (
        select kind, at, cost, job_id, number, generation from usage
        where project_id = project.id and at >= span.begins
    ) as usage
    left join frame_result as result
        on usage.kind = 'frame' and result.job_id = usage.job_id and result.ordinal = usage.number
       and result.generation = usage.generation
    group by 1
)
select minute, coalesce(frames, 0) as frames, coalesce(warm, 0) as warm, coalesce(known, 0) as known,
       coalesce(cost, 0) as cost
from span cross join lateral generate_series(span.begins, span.ends, interval '1 minute') as minute
left join used using (minute)
order by minute
