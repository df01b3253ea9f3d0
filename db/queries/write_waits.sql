-- Why jobs wait. Only what changed, and never a job that somebody else holds.
with wanted as (
    select key::uuid as job_id, value as reason from jsonb_each_text(cast(:waits as jsonb))
), changed as (
    select job.id, wanted.reason from job left join wanted on wanted.job_id = job.id
    where job.state in ('queued', 'running') and job.wait_reason is distinct from wanted.reason
    for no key update of job skip locked
)
update job set wait_reason = changed.reason from changed where job.id = changed.id
