select other.id, other.name, other.state, job_dependency.kind
from job_dependency join job as other on other.id = job_dependency.on_job_id
where job_dependency.job_id = :job_id
order by other.created_at, other.id
