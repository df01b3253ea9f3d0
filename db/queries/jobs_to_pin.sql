select job.id, job.project_id, job.spec, model.digest as model_digest, job.engine_version, job.device_class
from job join model on model.id = job.model_id
where job.state = 'queued'
order by job.priority_rank, job.created_at, job.id
limit :limit
