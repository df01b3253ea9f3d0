-- Of each wanted frame the newest picture that these jobs have: where it is, and when it came.
with wanted as materialized (
    select * from unnest(cast(:ordinals as integer[]), cast(:source_jobs as uuid[]), cast(:source_ordinals as integer[]))
                  as pair (ordinal, source_job, source_ordinal)
), files as materialized (
    select job_id, ordinal, generation from artifact
    where job_id = any(cast(:sources as uuid[])) and ordinal = any(cast(:source_ordinals as integer[]))
      and kind = 'frame'
), done as materialized (
    select job_id, ordinal, generation, at from frame_result
    where job_id = any(cast(:sources as uuid[])) and ordinal = any(cast(:source_ordinals as integer[]))
      and state = 'committed'
)
select distinct on (wanted.ordinal) wanted.ordinal, wanted.source_job, done.at
from wanted
join done on done.job_id = wanted.source_job and done.ordinal = wanted.source_ordinal
join files on files.job_id = done.job_id and files.ordinal = done.ordinal and files.generation = done.generation
order by wanted.ordinal, done.at desc
