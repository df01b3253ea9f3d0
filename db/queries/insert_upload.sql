insert into upload (id, project_id, digest, size_bytes, part_bytes, reference, expires_at)
values (:id, :project_id, :digest, :size_bytes, :part_bytes, :reference, now() + cast(:lifetime as interval))
on conflict (project_id, digest) do nothing
returning id
