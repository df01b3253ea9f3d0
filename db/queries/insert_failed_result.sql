with failed as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, message, attempt_id, replica_id)
    values (:job_id, :ordinal, :generation, :frame, 'failed', :reason, :message, :attempt_id, :replica_id)
)
update job set failed = failed + 1 where id = :job_id
