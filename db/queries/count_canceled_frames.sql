-- Frames of a job that is being canceled come off a replica: each is what it was before, or canceled.
with ended as (
    select coalesce(last.state, 'canceled') as state
    from unnest(cast(:ordinals as integer[])) as frame (ordinal)
    left join lateral (
        select state from frame_result as result
        where result.job_id = :job_id and result.ordinal = frame.ordinal
        order by generation desc limit 1
    ) as last on true
)
update job set
    committed = committed + (select count(*) from ended where state = 'committed'),
    reused = reused + (select count(*) from ended where state = 'reused'),
    failed = failed + (select count(*) from ended where state = 'failed'),
    skipped = skipped + (select count(*) from ended where state = 'skipped'),
    canceled = canceled + (select count(*) from ended where state = 'canceled')
where id = :job_id
