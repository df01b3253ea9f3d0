-- Flags of the pictures that these take the place of say nothing of the job any more.
with inserted as (
    insert into frame_look (job_id, ordinal, generation, frame, mean, brightest)
    select :job_id, ordinal, :generation, frame, mean, brightest
    from jsonb_to_recordset(cast(:looks as jsonb)) as look (
        ordinal integer, frame integer, mean double precision, brightest double precision
    )
    on conflict (job_id, ordinal, generation) do nothing
    returning ordinal
), outdated as (
    select distinct flag.ordinal from inserted
    join frame_flag as flag on flag.job_id = :job_id and flag.ordinal = inserted.ordinal
    where flag.generation < :generation and flag.generation = (
        select max(look.generation) from frame_look as look  -- without what is inserted here
        where look.job_id = :job_id and look.ordinal = inserted.ordinal
    )
)
update job set suspects = suspects - (select count(*) from outdated)
where id = :job_id and exists (select from outdated)
