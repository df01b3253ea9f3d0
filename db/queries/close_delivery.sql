-- Under the job's lock, which every commit takes.
with closed as (
    update job set delivery_open = false
    where id = :job_id and delivery_open and state in ('succeeded', 'failed', 'canceled')
      and not exists (select from delivery where delivery.job_id = job.id and delivery.state = 'queued')
      and not exists (
          select from work
          where work.job_id = job.id and work.kind <> 'range' and work.state in ('queued', 'leased', 'rendering')
      )
    returning id, destination_id
), counted as (
    select count(*) filter (where state = 'delivered') as delivered, count(*) filter (where state = 'failed') as failed,
           coalesce(sum(size_bytes) filter (where state = 'delivered'), 0)::bigint as size_bytes
    from delivery join closed on closed.id = delivery.job_id
)
select closed.destination_id, counted.delivered, counted.failed, counted.size_bytes,
       (select error from delivery where job_id = :job_id and state = 'failed' order by id limit 1) as error
from closed cross join counted
