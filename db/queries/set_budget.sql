update billing set budget = :budget, period = :period, updated_at = now() where project_id = :project_id
