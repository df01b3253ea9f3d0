update model set
    state = :state, probe = cast(:probe as jsonb), problem = cast(:problem as jsonb), updated_at = now()
where id = :model_id
