-- What the project had stored when that was measured last, and what it uploaded since; the manifests of its models as
-- they lie on the disk, which is told without reading them.
select coalesce(known.stored_bytes, 0) + (
    select coalesce(sum(blob.size_bytes), 0)
    from project_blob as owned join blob on blob.digest = owned.digest
    where owned.project_id = project.id and owned.created_at > coalesce(known.measured_at, '-infinity')
) + (
    select coalesce(sum(pg_column_size(model.manifest)), 0)
    from model
    where model.project_id = project.id and model.created_at > coalesce(known.measured_at, '-infinity')
)
from project left join lateral (
    select stored_bytes, measured_at from storage_meter
    where storage_meter.project_id = project.id
    order by day desc limit 1
) as known on true
where project.id = :project_id
