-- The next event of a job. Its sequence number is counted on the job's row, whose lock orders the job's events.
with counted as (
    update job set event_seq = event_seq + 1 where id = :job_id returning project_id, event_seq
), told as (
    insert into event (project_id, job_id, seq, kind, data)
    select project_id, :job_id, event_seq, :kind, cast(:data as jsonb) from counted
)
select event_seq, pg_notify('rayfarm_events', json_build_object('job', :job_id, 'seq', event_seq)::text) from counted
