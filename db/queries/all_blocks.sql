-- Machines on which jobs that have not ended have failed, those that are blocked first.
select job_block.job_id, job.name as job_name, project.slug as project, job_block.node, job_block.pipeline,
       job_block.failures, job_block.blocked_at
from job_block
join job on job.id = job_block.job_id
join project on project.id = job.project_id
where job.state not in ('succeeded', 'failed', 'canceled')
  and (cast(:node as text) is null or job_block.node = :node)
  and (job_block.blocked_at is not null or not cast(:blocked_only as boolean))
order by job_block.blocked_at desc nulls last, project.slug, job_block.job_id, job_block.node, job_block.pipeline
limit :limit
