insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                      media_type, width, height)
select id, :project_id, :job_id, ordinal, :generation, kind, name, storage_key, size_bytes, sha256, media_type, width,
       height
from jsonb_to_recordset(cast(:artifacts as jsonb)) as file (
    id uuid, ordinal integer, kind text, name text, storage_key text, size_bytes bigint, sha256 text, media_type text,
    width integer, height integer
)
