-- What each project has stored: the blobs that it uploaded, the manifests of its models as they lie on the disk (which is
-- told without reading them), and the files of its jobs. A file that several jobs name counts once for as long as one of
-- them does: it is kept for them when the job that made it has expired.
with uploaded as (
    select owned.project_id, sum(blob.size_bytes) as bytes
    from project_blob as owned join blob on blob.digest = owned.digest
    group by owned.project_id
), described as (
    select project_id, sum(pg_column_size(manifest)) as bytes from model group by project_id
), made as (
    select project_id, sum(size_bytes) as bytes
    from (
        select project_id, storage_key, max(size_bytes) as size_bytes from artifact where deleted_at is null
        group by project_id, storage_key
    ) as file
    group by project_id
)
select project.id as project_id, now() as at,
       (coalesce(uploaded.bytes, 0) + coalesce(described.bytes, 0) + coalesce(made.bytes, 0))::bigint as bytes
from project
left join uploaded on uploaded.project_id = project.id
left join described on described.project_id = project.id
left join made on made.project_id = project.id
order by project.id
