update work set state = 'rendering', updated_at = now() where id = :work_id
