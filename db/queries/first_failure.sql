-- Of the frames that failed last of all; an older failure that was retried since is no cause.
select failed.frame, failed.end_reason, failed.message from frame_result as failed
where failed.job_id = :job_id and failed.state = 'failed' and not exists (
    select from frame_result as later
    where later.job_id = :job_id and later.ordinal = failed.ordinal and later.generation > failed.generation
)
order by failed.at, failed.ordinal limit 1
