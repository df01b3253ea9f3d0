select count(*) as uploads, coalesce(sum(size_bytes), 0) as bytes from upload
where project_id = :project_id and completed_at is null and problem is null and expires_at > now()
