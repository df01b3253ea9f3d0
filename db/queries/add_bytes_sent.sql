-- Add to the day that runs what was sent of the files of jobs. The day's first row goes on with what yesterday's look
-- found stored, from midnight on, as if the meter of storage had written it.
with sent as (
    select job.project_id, sum(item.bytes)::bigint as bytes
    from unnest(cast(:jobs as uuid[]), cast(:bytes as bigint[])) as item (job_id, bytes)
    join job on job.id = item.job_id
    group by job.project_id
    order by job.project_id
), today as (
    select (now() at time zone 'utc')::date as day
)
insert into storage_meter as known (project_id, day, bytes_sent, stored_bytes, measured_at)
select sent.project_id, today.day, sent.bytes, coalesce(before.stored_bytes, 0),
       case when before.day is null then now() else today.day::timestamp at time zone 'utc' end
from sent cross join today
left join storage_meter as before on before.project_id = sent.project_id and before.day = today.day - 1
on conflict (project_id, day) do update set bytes_sent = known.bytes_sent + excluded.bytes_sent
