-- The last result of each frame of a stretch.
select * from (
    select distinct on (result.ordinal) result.ordinal, result.frame, result.state, result.end_reason, result.message,
           result.attempt_id, result.replica_id, result.render_ms, result.warm, result.at, result.generation
    from frame_result as result
    where result.job_id = :job_id and result.ordinal >= :first and result.ordinal < :beyond
    order by result.ordinal, result.generation desc
) as last
where cast(:states as text[]) is null or last.state = any(cast(:states as text[]))
order by last.ordinal
limit :limit
