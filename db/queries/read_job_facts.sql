-- What never changes of a job, as db/dispatch/job_views.py unpacks it.
select job.id::text, job.id, job.project_id, job.spec ->> 'pipeline' as pipeline, model.digest as model_digest,
       date_part('epoch', job.created_at) as created, nullif(job.spec -> 'labels', '{}')::text as labels,
       nullif(job.spec -> 'licences', '{}')::text as licences, job.split_parts
from job
join model on model.id = job.model_id
where job.id = any(cast(:ids as uuid[]))
