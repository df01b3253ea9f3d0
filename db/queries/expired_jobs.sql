-- Ended jobs whose outputs have come to their end, and that were told of it; none that a step still works on.
select id from job
where expires_at <= now() and outputs_expired_at is null and expiry_told_for = expires_at
  and state in ('succeeded', 'failed', 'canceled')
  and not exists (
      select from work
      where work.job_id = job.id and work.kind <> 'range' and work.state in ('queued', 'leased', 'rendering')
  )
  and id <> all(cast(:but_not as uuid[]))
order by expires_at, id
limit :limit
