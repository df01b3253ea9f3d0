-- Machines of the cluster that have live replicas: whether they get work, and since when nobody uses them.
select replica.node as name, coalesce(node.disabled, false) as disabled,
       coalesce(node.disabled_by, 'operator') as disabled_by, node.reason,
       json_agg(distinct replica.labels) as labels,
       min((replica.current #>> '{machine,quiet_s}')::double precision) as quiet_s,
       bool_and(replica.drain) as drains
from replica
left join node on node.cluster_id = replica.cluster_id and node.name = replica.node
where replica.cluster_id = :cluster_id and replica.state <> 'gone'
  and replica.beat_at > now() - cast(:timeout as interval)
group by replica.node, node.disabled, node.disabled_by, node.reason
order by replica.node
