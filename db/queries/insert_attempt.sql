-- A try has ended without a picture: what it took is metered as waste, and charged to nobody.
with tried as (
    insert into attempt (id, job_id, ordinal, generation, work_id, fence, replica_id, started_at, outcome, message, log)
    values (:attempt_id, :job_id, :ordinal, :generation, :work_id, :fence, :replica_id, :started_at, :outcome, :message,
            :log)
    on conflict do nothing
    returning replica_id, started_at, ended_at
)
insert into usage_day as total (project_id, job_id, day, pool, wasted_us)
select job.project_id, job.id, (now() at time zone 'utc')::date, coalesce(replica.pool, 'unknown'),
       greatest(cast(extract(epoch from tried.ended_at - tried.started_at) * 1000000 as bigint), 0)
from tried join job on job.id = :job_id left join replica on replica.id = tried.replica_id
where tried.started_at is not null
on conflict (job_id, day, pool) do update set wasted_us = total.wasted_us + excluded.wasted_us
