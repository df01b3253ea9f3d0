-- Jobs that wait for this one as a whole. A job names only jobs older than itself, so that locks taken from the older
-- to the younger form no circle.
select job.id from job
where job.state = 'blocked' and job.id in (
    select job_id from job_dependency where on_job_id = :job_id and kind = 'job'
)
order by job.created_at, job.id
for no key update
