-- Under the job's lock: the end that is told of now; no row: it was told, or is put off, meanwhile.
update job set expiry_told_for = expires_at
where id = :job_id and expires_at <= now() + cast(:notice as interval) and outputs_expired_at is null
  and expiry_told_for is distinct from expires_at and state in ('succeeded', 'failed', 'canceled')
returning expires_at
