-- Under the job's lock. A copier that was overtaken may have put its older file over the newer one: that is put again.
-- Whoever copies it at this moment is overtaken in turn, as nobody knows which of the two came last.
with again as (
    update delivery set
        state = 'queued', attempts = attempts + 1, delivered_at = null, queued_at = now(), updated_at = now(),
        not_before = case when copying then not_before else now() end
    where id = :id and artifact_id <> :artifact_id
    returning job_id
), opened as (
    update job set delivery_open = true where id in (select job_id from again)
)
select job_id from again
