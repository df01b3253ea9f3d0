-- The newest look of each of these frames.
select distinct on (ordinal) ordinal, generation, frame, mean, brightest from frame_look
where job_id = :job_id and ordinal = any(cast(:ordinals as integer[]))
order by ordinal, generation desc
