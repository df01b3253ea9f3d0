update work set state = :state, error = :error, leased_until = null, updated_at = now(),
    data = coalesce(cast(:data as jsonb), data)
where id = :work_id
