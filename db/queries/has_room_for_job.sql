-- Whether one more job of the project may run, behind lock_job_quota.
select quota.running_jobs > (
    select count(*) from job where job.project_id = quota.project_id and job.state in ('running', 'finishing')
)
from project_quota as quota
where quota.project_id = :project_id and quota.running_jobs is not null
