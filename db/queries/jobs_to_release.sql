-- Blocked jobs whose dependencies have all succeeded, or of which one has failed. Candidates only.
select job.id from job
where job.state = 'blocked' and (
    exists (
        select from job_dependency as link join job as other on other.id = link.on_job_id
        where link.job_id = job.id and link.kind = 'job' and other.state in ('failed', 'canceled')
    )
    or not exists (
        select from job_dependency as link join job as other on other.id = link.on_job_id
        where link.job_id = job.id and link.kind = 'job' and other.state <> 'succeeded'
    )
)
order by job.created_at, job.id
limit :limit
