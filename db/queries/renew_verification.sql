update upload set verifying_until = now() + cast(:lease as interval)
where id = :id and verification = :verification and completed_at is null and problem is null
returning id
