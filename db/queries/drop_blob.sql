-- Looked at again under the lock of sweep_blobs_alone.sql.
with used as (
    select 1 from project_blob as owned
    where owned.digest = :digest and (
        owned.sent_at >= now() - cast(:kept as interval) or exists (
            select from model
            where model.project_id = owned.project_id
              and blobs_of(model.manifest) @> jsonb_build_array(cast(:digest as text))
        )
    )
), disowned as (
    delete from project_blob where digest = :digest and not exists (select from used)
)
select 1 as unused from blob where digest = :digest and not exists (select from used)
