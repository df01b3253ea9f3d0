insert into model (id, project_id, name, kind, digest, manifest, state)
values (:id, :project_id, :name, :kind, :digest, cast(:manifest as jsonb), 'probing')
on conflict (project_id, digest) do nothing
returning id
