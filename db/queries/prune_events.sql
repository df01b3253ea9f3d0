-- Only of jobs that ended that long ago: the feed of a live job has no gap. What is still to be told stays.
with old as (
    select event.id from job join event on event.job_id = job.id
    where job.ended_at < now() - cast(:kept as interval)
      and not exists (select from outbox where outbox.event_id = event.id and outbox.state = 'queued')
    limit :limit
    for update of event skip locked
)
delete from event using old where event.id = old.id
