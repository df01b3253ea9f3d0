-- Blobs that no project has needed for a model for so long. Candidates only.
with named as (
    select distinct model.project_id, needed.digest
    from model cross join jsonb_array_elements_text(blobs_of(model.manifest)) as needed (digest)
)
select blob.digest from blob
where blob.created_at < now() - cast(:kept as interval) and not exists (
    select from project_blob as owned
    where owned.digest = blob.digest and (
        owned.sent_at >= now() - cast(:kept as interval)
        or exists (select from named where named.project_id = owned.project_id and named.digest = owned.digest)
    )
)
order by blob.created_at, blob.digest
limit :limit
