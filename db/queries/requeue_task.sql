update work set
    state = 'queued', fence = fence + 1, replica_id = null, leased_until = null, tries = :tries,
    worker_failures = :worker_failures, error = :error, not_before = now() + cast(:pause as interval),
    updated_at = now()
where id = :work_id
