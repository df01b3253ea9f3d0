select job.id, job.spec, model.digest as model_digest, job.traceparent
from job join model on model.id = job.model_id
where job.state = 'queued' and job.id = any(cast(:job_ids as uuid[]))
order by job.priority_rank, job.created_at, job.id
