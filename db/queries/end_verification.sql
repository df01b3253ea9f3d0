update upload set
    verifying_until = null,
    completed_at = case when :complete then now() end,
    problem = cast(:problem as jsonb)
where id = :id and completed_at is null and problem is null
