-- Those of these frames that have no file, in the order of the range.
select wanted.ordinal from unnest(cast(:ordinals as integer[])) as wanted (ordinal)
where not exists (
    select from artifact
    where artifact.job_id = :job_id and artifact.ordinal = wanted.ordinal and artifact.kind = 'frame'
)
order by wanted.ordinal
