-- The jobs that a plan touches, the oldest first, as everybody locks several jobs (lock_blocked_dependents.sql says why).
select job.id, job.state, job.generation, job.total, job.priority_rank, job.split_parts, job.traceparent,
       job.reused + job.skipped > 0 or job.generation > 1 as gaps,
       case when job.approved_at is null then job.scouts end as scouts, job.spec ->> 'order' as hand_out,
       exists (select from stopped_project as stopped where stopped.project_id = job.project_id) as stopped
from job
where job.id = any(cast(:job_ids as uuid[]))
   or job.id in (select work.job_id from work where work.id = any(cast(:work_ids as bigint[])))
order by job.created_at, job.id
for no key update
