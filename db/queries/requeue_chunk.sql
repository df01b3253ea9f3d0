update work set
    state = 'queued', fence = fence + 1, assigned_to = null, replica_id = null, leased_until = null, updated_at = now()
where id = :work_id
