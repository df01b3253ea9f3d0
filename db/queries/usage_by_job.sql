-- What a project used from one day to another, the last one included, by job.
select job_id as key, sum(frames)::bigint as frames, sum(gpu_us)::bigint as gpu_us, sum(cpu_us)::bigint as cpu_us,
       sum(stored_bytes)::bigint as stored_bytes, sum(wasted_us)::bigint as wasted_us, sum(cost) as cost
from usage_day
where project_id = :project_id and day between :since and :until
  and (cast(:after as text) is null or job_id > cast(cast(:after as text) as uuid))
group by job_id
order by job_id
limit :limit
