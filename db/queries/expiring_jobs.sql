-- Ended jobs whose outputs end within the notice and that were not told of this end.
select id from job
where expires_at <= now() + cast(:notice as interval) and outputs_expired_at is null
  and expiry_told_for is distinct from expires_at and state in ('succeeded', 'failed', 'canceled')
order by expires_at, id
limit :limit
