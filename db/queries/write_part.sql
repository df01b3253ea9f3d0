-- A part of a frame is in storage. Under the locks of lock_work.sql, so that the last two parts to come queue one merge.
with result as (
    insert into part_result (job_id, ordinal, generation, part, parts, attempt_id, replica_id, storage_key, size_bytes,
                             sha256, media_type, render_ms, warm)
    values (:job_id, :ordinal, :generation, :part, :parts, :attempt_id, :replica_id, :storage_key, :size_bytes, :sha256,
            :media_type, :render_ms, :warm)
    on conflict do nothing
    returning part
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
