select unit, rest from usage_carry where project_id = :project_id
