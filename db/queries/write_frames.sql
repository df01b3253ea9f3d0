-- All that follows from a batch of finished frames, under the locks of lock_work.sql.
with input as (
    select * from jsonb_to_recordset(cast(:frames as jsonb)) as frame (
        ordinal integer, frame integer, attempt_id uuid, started_at double precision, render_ms double precision,
        warm boolean, timings jsonb, metrics jsonb, log text
    )
), results as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id, replica_id, render_ms,
                              warm)
    select :job_id, ordinal, :generation, frame, 'committed', 'ok', attempt_id, cast(:replica_id as uuid), render_ms, warm
    from input
    on conflict do nothing
    returning ordinal, render_ms, warm
), attempts as (
    insert into attempt (id, job_id, ordinal, generation, work_id, fence, replica_id, started_at, outcome, timings,
                         metrics, log)
    select attempt_id, :job_id, ordinal, :generation, :work_id, :fence, cast(:replica_id as uuid),
           to_timestamp(started_at), 'ok', timings, metrics, log
    from input
    on conflict do nothing
), artifacts as (
    insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                          media_type, width, height)
    select id, :project_id, :job_id, ordinal, :generation, kind, name, storage_key, size_bytes, sha256, media_type,
           width, height
    from jsonb_to_recordset(cast(:artifacts as jsonb)) as file (
        id uuid, ordinal integer, kind text, name text, storage_key text, size_bytes bigint, sha256 text,
        media_type text, width integer, height integer
    )
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
        render_ms_sum = job.render_ms_sum + batch.render_ms,
        render_count = job.render_count + batch.frames,
        warm_count = job.warm_count + batch.warm,
        cold_count = job.cold_count + batch.frames - batch.warm,
        event_seq = job.event_seq + 1
    from (
        select count(*)::integer as frames, coalesce(sum(render_ms), 0) as render_ms,
               (count(*) filter (where warm))::integer as warm
        from results
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
