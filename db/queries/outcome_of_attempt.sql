-- What an earlier report of this very attempt led to.
select exists (
           select from frame_result where frame_result.job_id = attempt.job_id
              and frame_result.ordinal = attempt.ordinal and frame_result.attempt_id = attempt.id
       ) as failed,
       job.state in ('canceling', 'canceled') as canceled
from attempt join job on job.id = attempt.job_id
where attempt.id = :attempt_id and attempt.work_id = :work_id and attempt.ordinal = :ordinal
  and attempt.outcome <> 'ok'
