-- The chunks that hold some of these frames.
select held.ordinal, work.state, work.replica_id, held.place
from work cross join unnest(work.ordinals) with ordinality as held (ordinal, place)
where work.job_id = :job_id and work.kind = 'chunk' and work.state in ('queued', 'leased', 'rendering')
  and work.ordinals && cast(:ordinals as integer[]) and held.ordinal = any(cast(:ordinals as integer[]))
