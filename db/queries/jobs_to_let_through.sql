-- Jobs with frames that wait for another job's, in which something has happened since the last look.
select job.id from job
where job.state in ('queued', 'running')
  and exists (
      select from work where work.job_id = job.id and work.kind = 'range' and work.state = 'queued' and work.gated
  )
  and exists (
      select from job_dependency as link join job as other on other.id = link.on_job_id
      where link.job_id = job.id and link.kind = 'frame' and other.event_seq <> link.seen_seq
  )
order by job.priority_rank, job.created_at, job.id
limit :limit
