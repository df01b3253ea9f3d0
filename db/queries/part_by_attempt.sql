select exists (
    select from part_result join work on work.id = :work_id
    where part_result.job_id = work.job_id and part_result.ordinal = work.ordinals[1]
      and part_result.generation = work.generation and part_result.part = work.part
      and part_result.attempt_id = :attempt_id
)
