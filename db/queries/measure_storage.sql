-- What each project has stored now: the blobs that it uploaded, and the files of its jobs, a reused one once. From the
-- look before until now it is taken to have been what was found then; `carried` were looked at yesterday.
with stored as (
    select project.id, coalesce(uploaded.bytes, 0) + coalesce(made.bytes, 0) as bytes
    from project
    left join (
        select owned.project_id, sum(blob.size_bytes) as bytes
        from project_blob as owned join blob on blob.digest = owned.digest
        group by owned.project_id
    ) as uploaded on uploaded.project_id = project.id
    left join (
        select project_id, sum(size_bytes) as bytes from artifact
        where starts_with(storage_key, 'artifacts/' || job_id::text || '/') and deleted_at is null
        group by project_id
    ) as made on made.project_id = project.id
)
insert into storage_meter as known (project_id, day, byte_seconds, stored_bytes)
select id, (now() at time zone 'utc')::date,
       case when id = any(cast(:carried as uuid[])) then trunc(bytes * extract(
           epoch from now() - (now() at time zone 'utc')::date::timestamp at time zone 'utc')) else 0 end,
       bytes
from stored where bytes > 0 or id = any(cast(:carried as uuid[]))
on conflict (project_id, day) do update set
    byte_seconds = known.byte_seconds
        + trunc(known.stored_bytes * greatest(extract(epoch from now() - known.measured_at), 0)),
    stored_bytes = excluded.stored_bytes, measured_at = now()
