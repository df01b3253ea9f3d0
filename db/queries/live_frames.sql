-- The rows that hold some of these frames, or those from one on. A split frame has several: the parts that are not done, or the merge of all.
-- What its replica says of the frame counts only under the fence that the row has now.
select work.kind, work.parts, work.state, work.replica_id, held.ordinal, held.place, replica.current as progress
from work cross join unnest(work.ordinals) with ordinality as held (ordinal, place)
left join replica on replica.id = work.replica_id and work.state = 'rendering' and replica.state <> 'gone'
  and (replica.current -> 'work_id', replica.current -> 'fence', replica.current -> 'ordinal')
      = (to_jsonb(work.id), to_jsonb(work.fence), to_jsonb(held.ordinal))
where work.job_id = :job_id and work.kind in ('chunk', 'part', 'merge') and work.state in ('queued', 'leased', 'rendering')
  --some and work.ordinals && cast(:ordinals as integer[]) and held.ordinal = any(cast(:ordinals as integer[]))
  --onward and held.ordinal >= :first
order by work.id, held.place
