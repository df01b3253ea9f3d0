-- The oldest first, as everybody locks several jobs (lock_blocked_dependents.sql says why).
select job.id from job
where job.state not in ('succeeded', 'failed', 'canceled')
  and exists (select from job_block where job_block.job_id = job.id and job_block.node = :node)
order by job.created_at, job.id
limit :limit
