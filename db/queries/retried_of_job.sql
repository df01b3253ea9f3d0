-- What open frames of a job have been tried without a picture, and how the newest of those tries ended. A frame that is
-- tried again is a chunk of its own. Of the 500 newest, as a job's followers ask for it every few seconds.
select count(*) as tries,
       (array_agg(attempt.outcome order by attempt.ended_at desc))[1] as reason,
       (array_agg(attempt.message order by attempt.ended_at desc))[1] as message
from (
    select distinct open.job_id, open.generation, open.ordinals[1] as ordinal
    from (
        select job_id, generation, ordinals from work
        where job_id = :job_id and state in ('queued', 'leased', 'rendering') and kind in ('chunk', 'part')
          and cardinality(ordinals) = 1
        order by updated_at desc
        limit 500
    ) as open
) as frame
join attempt on attempt.job_id = frame.job_id and attempt.ordinal = frame.ordinal
            and attempt.generation = frame.generation and attempt.outcome not in ('ok', 'reused')
