-- Of each job the first ranges of each generation, in order of hand-out: no more than the caller can use, because a
-- requeue of every other frame makes a range of each.
select range.id, wish.job_id, range.first, range.count, range.generation
from unnest(cast(:job_ids as uuid[]), cast(:generations as integer[]), cast(:limits as integer[]))
    as wish (job_id, generations, most)
cross join lateral generate_series(1, wish.generations) as asked (generation)
cross join lateral (
    select id, first, count, generation from work
    where job_id = wish.job_id and kind = 'range' and state = 'queued' and not gated and generation = asked.generation
    order by beyond
    limit wish.most
    for no key update
) as range
order by wish.job_id, range.first, range.id
