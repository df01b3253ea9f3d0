-- Jobs of all projects that have work and no replica for it, the most urgent first, then the oldest.
select job.id, job.name, project.slug as project, job.priority_rank, job.state, job.wait_reason as reason,
       job.created_at, job.total, job.failed,
       job.total - job.committed - job.reused - job.failed - job.canceled - job.skipped as frames
from job join project on project.id = job.project_id
where job.state in ('queued', 'running') and job.wait_reason is not null
  and (cast(:reason as text) is null or job.wait_reason = :reason)
order by job.priority_rank, job.created_at, job.id
limit :limit
