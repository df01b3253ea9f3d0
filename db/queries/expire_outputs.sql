-- Under the job's lock. The rows stay; their files are nobody's from here on, and the collector takes them away, save
-- those that another job has reused. No row: put off, or begun again, meanwhile.
with ended as (
    update job set outputs_expired_at = now()
    where id = :job_id and expires_at <= now() and outputs_expired_at is null and expiry_told_for = expires_at
      and state in ('succeeded', 'failed', 'canceled')
      and not exists (
          select from work
          where work.job_id = job.id and work.kind <> 'range' and work.state in ('queued', 'leased', 'rendering')
      )
    returning id, expires_at
), files as (
    update artifact set deleted_at = now() from ended where artifact.job_id = ended.id and artifact.deleted_at is null
    returning artifact.size_bytes
)
select ended.expires_at, (select count(*) from files) as files,
       (select coalesce(sum(size_bytes), 0)::bigint from files) as size_bytes
from ended
