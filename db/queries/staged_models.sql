-- Models of the chunks that wait for this replica, the most urgent first.
select model.id, model.digest
from work join job on job.id = work.job_id join model on model.id = job.model_id
where work.assigned_to = :replica_id and work.state = 'queued' and work.kind in ('chunk', 'part')
order by work.priority_rank, work.id
limit :most
