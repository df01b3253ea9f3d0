-- Ranges of later generations that meet these stretches of positions. Those of one generation do not meet each other, so
-- of what ends behind a stretch only the first may begin within it.
select distinct range.generation, range.first, range.count
from unnest(cast(:lows as integer[]), cast(:beyonds as integer[])) as stretch (low, beyond)
cross join generate_series(2, cast(:generation as integer)) as asked (generation)
cross join (values (false), (true)) as gate (gated)
cross join lateral (
    (
        select generation, first, count from work
        where job_id = :job_id and kind = 'range' and state = 'queued' and gated = gate.gated
          and generation = asked.generation and beyond > stretch.low and beyond <= stretch.beyond
    )
    union all
    (
        select generation, first, count from work
        where job_id = :job_id and kind = 'range' and state = 'queued' and gated = gate.gated
          and generation = asked.generation and beyond > stretch.beyond
        order by beyond
        limit 1
    )
) as range
where range.first < stretch.beyond
order by range.generation, range.first
