select digest from unnest(cast(:digests as text[])) as wanted (digest)
where not exists (
    select from project_blob owned where owned.project_id = :project_id and owned.digest = wanted.digest
)
order by digest
