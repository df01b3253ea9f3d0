-- Where the next frames are that a chunk holds, or that parts or their merge stand for.
select distinct held.ordinal
from work cross join unnest(work.ordinals) as held (ordinal)
where work.job_id = :job_id and work.kind in ('chunk', 'part', 'merge')
  and work.state in ('queued', 'leased', 'rendering') and held.ordinal >= :first
order by held.ordinal limit :limit
