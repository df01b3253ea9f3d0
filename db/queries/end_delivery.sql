-- The number of the attempt is the fence: a sender that was too slow ends nothing of the next one's.
update outbox set
    state = :state, error = :error, not_before = now() + cast(:pause as interval), updated_at = now()
where id = :id and attempts = :attempts and state = 'queued'
