update work set state = 'canceled', fence = fence + 1, leased_until = null, updated_at = now() where id = :work_id
