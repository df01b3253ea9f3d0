-- A step behind the frames has used a process for its own time, which it measured itself: it may have waited since its
-- claim, for a CPU or for those before it. Under the locks of lock_work.sql; a step ends once.
with rate as materialized (
    select price.version, price.cpu_second from price_now as price where price.pool in (:pool, '*')
    order by price.pool = '*'
    limit 1
), used as (
    select cast(:used_us as bigint) as us
), charged as (
    insert into usage (project_id, job_id, kind, number, generation, pool, gpu_us, cpu_us, stored_bytes, price_version,
                       cost)
    select :project_id, :job_id, 'post', :work_id, :generation, :pool, 0, used.us, :stored_bytes, rate.version,
           coalesce(used.us * rate.cpu_second / 1000000, 0)
    from used left join rate on true
    on conflict do nothing
    returning pool, cpu_us, stored_bytes, cost
)
insert into usage_day as total (project_id, job_id, day, pool, cpu_us, stored_bytes, cost)
select :project_id, :job_id, (now() at time zone 'utc')::date, pool, cpu_us, stored_bytes, cost from charged
on conflict (job_id, day, pool) do update set
    cpu_us = total.cpu_us + excluded.cpu_us, stored_bytes = total.stored_bytes + excluded.stored_bytes,
    cost = total.cost + excluded.cost
