update job_dependency set seen_seq = seen.seq
from unnest(cast(:on_jobs as uuid[]), cast(:seqs as bigint[])) as seen (on_job, seq)
where job_dependency.job_id = :job_id and job_dependency.on_job_id = seen.on_job
