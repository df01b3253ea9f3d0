-- What a project used from one day to another, the last one included, by pool.
select pool as key, sum(frames)::bigint as frames, sum(gpu_us)::bigint as gpu_us, sum(cpu_us)::bigint as cpu_us,
       sum(stored_bytes)::bigint as stored_bytes, sum(wasted_us)::bigint as wasted_us, sum(cost) as cost
from usage_day
where project_id = :project_id and day between :since and :until
  and (cast(:after as text) is null or pool > cast(cast(:after as text) as text))
group by pool
order by pool
limit :limit
