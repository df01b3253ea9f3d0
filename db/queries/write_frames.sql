-- All that follows from a batch of finished frames, under the locks of lock_work.sql. Only frames that got their result
-- here are charged: a zombie's, or those of an answer that got lost, are not.
with input as (
    select * from jsonb_to_recordset(cast(:frames as jsonb)) as frame (
        ordinal integer, frame integer, attempt_id uuid, started_at double precision, render_ms double precision,
        engine_ms double precision, used_us bigint, warm boolean, timings jsonb, metrics jsonb, log text
    )
), results as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id, replica_id, render_ms,
                              warm)
    select :job_id, ordinal, :generation, frame, 'committed', 'ok', attempt_id, cast(:replica_id as uuid), render_ms, warm
    from input
    on conflict do nothing
    returning ordinal, warm
), attempts as (
    insert into attempt (id, job_id, ordinal, generation, work_id, fence, replica_id, started_at, outcome, timings,
                         metrics, log)
    select attempt_id, :job_id, ordinal, :generation, :work_id, :fence, cast(:replica_id as uuid),
           to_timestamp(started_at), 'ok', timings, metrics, log
    from input
    on conflict do nothing
), files as (
    select id, ordinal, kind, name, storage_key, size_bytes, sha256, media_type, width, height
    from jsonb_to_recordset(cast(:artifacts as jsonb)) as file (
        id uuid, ordinal integer, kind text, name text, storage_key text, size_bytes bigint, sha256 text,
        media_type text, width integer, height integer
    )
), artifacts as (
    insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                          media_type, width, height)
    select id, :project_id, :job_id, ordinal, :generation, kind, name, storage_key, size_bytes, sha256, media_type,
           width, height
    from files
), machine as materialized (
    -- A replica whose row is gone is charged as what the job is pinned to; a merge runs beside the replicas.
    select coalesce(replica.pool, case when :kind = 'merge' then 'tasks' else 'unknown' end) as pool,
           :kind <> 'merge' and coalesce(replica.device_class, job.device_class, 'cpu') <> 'cpu' as has_gpu
    from job left join replica on replica.id = cast(:replica_id as uuid)
    where job.id = :job_id
), rate as materialized (
    select price.version, case when machine.has_gpu then price.gpu_second else price.cpu_second end as second
    from machine join price_now as price on price.pool in (machine.pool, '*')
    order by price.pool = '*'
    limit 1
), sizes as (
    select ordinal, sum(size_bytes) as bytes from files group by ordinal
), charged as (
    insert into usage (project_id, job_id, kind, number, generation, frame, attempt_id, pool, gpu_us, cpu_us,
                       stored_bytes, price_version, cost)
    select :project_id, :job_id, :kind, input.ordinal, :generation, input.frame, input.attempt_id, machine.pool,
           case when machine.has_gpu then input.used_us else 0 end,
           case when machine.has_gpu then 0 else input.used_us end,
           coalesce(sizes.bytes, 0), rate.version, coalesce(input.used_us * rate.second / 1000000, 0)
    from results
    join input on input.ordinal = results.ordinal
    left join sizes on sizes.ordinal = results.ordinal
    cross join machine
    left join rate on true
    returning pool, gpu_us, cpu_us, stored_bytes, cost
), summed as (
    insert into usage_day as total (project_id, job_id, day, pool, frames, gpu_us, cpu_us, stored_bytes, cost)
    select :project_id, :job_id, (now() at time zone 'utc')::date, pool, count(*), sum(gpu_us), sum(cpu_us),
           sum(stored_bytes), sum(cost)
    from charged group by pool
    on conflict (job_id, day, pool) do update set
        frames = total.frames + excluded.frames, gpu_us = total.gpu_us + excluded.gpu_us,
        cpu_us = total.cpu_us + excluded.cpu_us, stored_bytes = total.stored_bytes + excluded.stored_bytes,
        cost = total.cost + excluded.cost
), chunk as (
    update work set
        ordinals = case when kind = 'chunk' then cast(:remaining as integer[]) else ordinals end,  -- a merge keeps its
        state = case when :done then 'done' else state end,
        leased_until = case when not :done then leased_until end,
        updated_at = now()
    where id = :work_id
), counted as (
    update job set
        committed = job.committed + batch.frames,
        render_ms_sum = job.render_ms_sum + batch.engine_ms,
        render_count = job.render_count + batch.frames,
        warm_count = job.warm_count + batch.warm,
        cold_count = job.cold_count + batch.frames - batch.warm,
        event_seq = job.event_seq + 1
    from (
        select count(*)::integer as frames, coalesce(sum(input.engine_ms), 0) as engine_ms,
               (count(*) filter (where results.warm))::integer as warm
        from results join input on input.ordinal = results.ordinal
    ) as batch
    where job.id = :job_id
    returning job.event_seq
), credited as (
    update replica set frames = replica.frames + (select count(*) from results) where id = :replica_id
), told as (
    insert into event (project_id, job_id, seq, kind, data)
    select :project_id, :job_id, event_seq, 'frames.committed', cast(:event as jsonb) from counted
), preview as (
    insert into work (job_id, kind, generation, task, ordinals, priority_rank)
    select :job_id, 'post', :generation, 'preview', array(select ordinal from results order by ordinal),
           :priority_rank
    where :needs_preview and exists (select from results)
)
select array(select ordinal from results order by ordinal) as accepted,
       pg_notify('rayfarm_events', json_build_object('job', cast(:job_id as uuid), 'seq', event_seq)::text),
       case when :done or :needs_preview then pg_notify('rayfarm_dispatch', 'frames') end
from counted
