-- Under the job's lock. Files that failed, and those that wait for their next try; what is being copied goes on.
with again as (
    update delivery set
        state = 'queued', failures = 0, error = null, queued_at = now(), updated_at = now(), not_before = now()
    where job_id = :job_id and (state = 'failed' or (state = 'queued' and not copying))
    returning destination_id
), rested as (
    update destination set rests_until = null, failures = 0
    where id in (select distinct destination_id from again)
), opened as (
    update job set delivery_open = true where id = :job_id and exists (select from again)
)
select count(*) from again
