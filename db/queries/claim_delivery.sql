-- The file that has been due for longest. The lease is longer than the copier may take, so that nobody copies beside him.
with due as (
    select id from delivery
    where destination_id = :destination_id and state = 'queued' and not_before <= now()
    order by not_before, id limit 1
    for no key update skip locked
), claimed as (
    update delivery set
        attempts = attempts + 1, copying = true, updated_at = now(),
        not_before = now() + cast(:lease as interval) + make_interval(secs => size_bytes / cast(:slowest as float8))
    from due where delivery.id = due.id
    returning delivery.*
)
select claimed.id, claimed.job_id, claimed.kind, claimed.ordinal, claimed.name, claimed.generation,
       claimed.artifact_id, claimed.size_bytes, claimed.path, claimed.attempts, claimed.failures,
       artifact.storage_key, artifact.sha256, artifact.media_type,
       artifact.id is null or artifact.deleted_at is not null as is_expired
from claimed left join artifact on artifact.id = claimed.artifact_id
