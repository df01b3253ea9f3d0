select id from job
where delivery_open and state in ('succeeded', 'failed', 'canceled')
  and not exists (select from delivery where delivery.job_id = job.id and delivery.state = 'queued')
  and not exists (
      select from work
      where work.job_id = job.id and work.kind <> 'range' and work.state in ('queued', 'leased', 'rendering')
  )
order by id limit :limit
