update upload set
    verifying_until = null,
    verification = null,
    completed_at = case when :complete then now() end,
    problem = cast(:problem as jsonb)
where id = :id and verification = :verification and completed_at is null and problem is null
returning id
