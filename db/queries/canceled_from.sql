-- Where the next frames are that a chunk, a part or a merge held when its job was canceled.
select distinct held.ordinal
from work cross join unnest(work.ordinals) as held (ordinal)
where work.job_id = :job_id and work.kind in ('chunk', 'part', 'merge') and work.state = 'canceled'
  and held.ordinal >= :first
order by held.ordinal limit :limit
