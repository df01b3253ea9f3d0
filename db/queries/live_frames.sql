-- The rows that hold some of these frames. A split frame has several: the parts that are not done, or the merge of all.
select work.kind, work.parts, work.state, work.replica_id, held.ordinal, held.place
from work cross join unnest(work.ordinals) with ordinality as held (ordinal, place)
where work.job_id = :job_id and work.kind in ('chunk', 'part', 'merge') and work.state in ('queued', 'leased', 'rendering')
  and work.ordinals && cast(:ordinals as integer[]) and held.ordinal = any(cast(:ordinals as integer[]))
order by work.id, held.place
