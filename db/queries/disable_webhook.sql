update webhook set enabled = false, disabled_reason = :reason, disabled_at = now() where id = :id and enabled
returning project_id, description
