-- Of a job that may be tried again: none of these can end unseen before it is known whether it waits for them. Before
-- the job itself and the oldest first, as whoever ends a job locks those that wait for it.
select other.id
from job_dependency join job as other on other.id = job_dependency.on_job_id
where job_dependency.job_id = :job_id and job_dependency.kind = 'job'
order by other.created_at, other.id
for share of other
