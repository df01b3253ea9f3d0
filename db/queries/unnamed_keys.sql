-- Of a page of a listing what looks like leftovers, of jobs that this database knows: asked without a lock, and again
-- under it (dead_keys.sql). What two farms keep under one prefix by mistake is never the other's leftover.
select asked.key, asked.job_id
from unnest(cast(:keys as text[]), cast(:job_ids as uuid[]), cast(:ordinals as integer[])) as asked (key, job_id, ordinal)
where exists (select from job where job.id = asked.job_id)
  and not exists (
      select from artifact
      where artifact.job_id = asked.job_id and artifact.ordinal = asked.ordinal and artifact.storage_key = asked.key
        and artifact.deleted_at is null
  )
  and not exists (
      select from artifact
      where artifact.job_id = asked.job_id and artifact.ordinal is null and artifact.storage_key = asked.key
        and artifact.deleted_at is null
  )
order by asked.job_id, asked.key
