-- Those that need no more rendering on behalf of a range of this generation.
select distinct ordinal from frame_result
where job_id = :job_id and generation >= :generation and ordinal = any(cast(:ordinals as integer[]))
