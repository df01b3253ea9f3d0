-- Outcomes that no attempt led to, of runs of frames: skipped, or left out of a retry.
insert into frame_result (job_id, ordinal, generation, frame, state, end_reason)
select :job_id, run.ordinal + place, :generation, run.frame + place * run.step, :state, :reason
from jsonb_to_recordset(cast(:runs as jsonb)) as run (ordinal integer, frame integer, count integer, step integer)
cross join lateral generate_series(0, run.count - 1) as place
