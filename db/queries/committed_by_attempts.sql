select ordinal from frame_result
where job_id = (select job_id from work where id = :work_id) and ordinal = any(cast(:ordinals as integer[]))
  and attempt_id = any(cast(:attempts as uuid[]))
order by ordinal
