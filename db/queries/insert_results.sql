-- Outcomes that no attempt led to: skipped, left out of a retry, or given up with another job.
insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, message)
select :job_id, ordinal, :generation, frame, :state, :reason, message
from unnest(cast(:ordinals as integer[]), cast(:frames as integer[]), cast(:messages as text[]))
    as frame (ordinal, frame, message)
