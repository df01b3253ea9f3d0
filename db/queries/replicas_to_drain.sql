-- Replicas under a Ray node that Ray drains, which nobody has told yet or told a later end.
select replica.id, extract(epoch from ending.at - now())::double precision as within_s
from jsonb_to_recordset(cast(:drains as jsonb)) as drained (ray_node text, deadline_s double precision)
join replica on replica.ray_node = drained.ray_node
cross join lateral (select to_timestamp(drained.deadline_s) as at) as ending
where replica.cluster_id = :cluster_id and replica.state <> 'gone'
  and (not replica.drain or ending.at < replica.drain_by or (ending.at is not null and replica.drain_by is null))
order by replica.id
