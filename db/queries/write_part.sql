-- A part of a frame is in storage. Under the locks of lock_work.sql, so that the last two parts to come queue one merge.
with result as (
    insert into part_result (job_id, ordinal, generation, part, parts, attempt_id, replica_id, storage_key, size_bytes,
                             sha256, media_type, render_ms, warm)
    values (:job_id, :ordinal, :generation, :part, :parts, :attempt_id, :replica_id, :storage_key, :size_bytes, :sha256,
            :media_type, :render_ms, :warm)
    on conflict do nothing
    returning part
), machine as materialized (
    select coalesce(replica.pool, 'unknown') as pool,
           coalesce(replica.device_class, job.device_class, 'cpu') <> 'cpu' as has_gpu, job.project_id
    from job left join replica on replica.id = cast(:replica_id as uuid)
    where job.id = :job_id
), rate as materialized (
    select price.version, case when machine.has_gpu then price.gpu_second else price.cpu_second end as second
    from machine join price_now as price on price.pool in (machine.pool, '*')
    order by price.pool = '*'
    limit 1
), charged as (
    insert into usage (project_id, job_id, kind, number, generation, part, attempt_id, pool, gpu_us, cpu_us,
                       stored_bytes, price_version, cost)
    select machine.project_id, :job_id, 'part', :ordinal, :generation, :part, :attempt_id, machine.pool,
           case when machine.has_gpu then cast(:used_us as bigint) else 0 end,
           case when machine.has_gpu then 0 else cast(:used_us as bigint) end,
           0, rate.version,  -- its file goes when the frame is merged
           coalesce(cast(:used_us as bigint) * rate.second / 1000000, 0)
    from result cross join machine left join rate on true
    returning project_id, pool, gpu_us, cpu_us, cost
), summed as (
    insert into usage_day as total (project_id, job_id, day, pool, gpu_us, cpu_us, cost)
    select project_id, :job_id, (now() at time zone 'utc')::date, pool, gpu_us, cpu_us, cost from charged
    on conflict (job_id, day, pool) do update set
        gpu_us = total.gpu_us + excluded.gpu_us, cpu_us = total.cpu_us + excluded.cpu_us,
        cost = total.cost + excluded.cost
), attempts as (
    insert into attempt (id, job_id, ordinal, generation, work_id, fence, replica_id, started_at, outcome, timings,
                         metrics, log)
    select :attempt_id, :job_id, :ordinal, :generation, :work_id, :fence, :replica_id, to_timestamp(:started_at), 'ok',
           cast(:timings as jsonb), cast(:metrics as jsonb), cast(:log as text)
    from result
    on conflict do nothing
), ended as (
    update work set state = 'done', leased_until = null, updated_at = now() where id = :work_id
), complete as (
    select 1 where exists (select from result) and (
        select count(*) from part_result
        where job_id = :job_id and ordinal = :ordinal and generation = :generation and part <> :part
    ) = :parts - 1
), merge as (
    insert into work (job_id, kind, generation, count, ordinals, parts, priority_rank)
    select :job_id, 'merge', :generation, 1, array[cast(:ordinal as integer)], :parts, :priority_rank from complete
    on conflict do nothing
    returning id
)
select exists (select from result) as accepted, (select count(*) from merge) as merges,
       pg_notify('rayfarm_dispatch', 'part')
