-- With the manifest that came now: of one digest there are as many as there are ways to cut its files.
update model set state = 'probing', problem = null, manifest = cast(:manifest as jsonb), updated_at = now()
where id = :model_id and state = 'invalid' and (
    problem ->> 'code' = 'probe-failed'
    or problem ->> 'code' = 'file-mismatch' and manifest <> cast(:manifest as jsonb)
)
returning id
