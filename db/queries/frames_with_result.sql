-- The last result of each of these frames.
select distinct on (result.ordinal) result.ordinal, result.frame, result.state, result.end_reason, result.message,
       result.attempt_id, result.replica_id, result.render_ms, result.warm, result.at, result.generation
from frame_result as result
where result.job_id = :job_id and result.ordinal = any(cast(:ordinals as integer[]))
order by result.ordinal, result.generation desc
