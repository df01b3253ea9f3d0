-- Of another job's frames: whether there is a picture, and what became of the frame last.
select ordinal, bool_or(state in ('committed', 'reused')) as has_picture,
       (array_agg(state order by generation desc))[1] as last, max(generation) as generation
from frame_result
where job_id = :job_id and ordinal = any(cast(:ordinals as integer[]))
group by ordinal
