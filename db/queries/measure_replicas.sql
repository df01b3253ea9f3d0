select replica.pool,
       case when replica.drain then 'draining'
            when replica.disabled or coalesce(node.disabled, false) then 'disabled'
            else 'accepting' end as state,
       count(*) as replicas,
       sum(jsonb_array_length(replica.residents)) as engines,
       coalesce(sum((
           select sum((resident ->> 'bytes')::bigint) from jsonb_array_elements(replica.residents) as resident
       )), 0) as engine_bytes,
       coalesce(sum((
           select sum((resident ->> 'vram_bytes')::bigint) from jsonb_array_elements(replica.residents) as resident
       )), 0) as gpu_bytes
from replica left join node on node.cluster_id = replica.cluster_id and node.name = replica.node
where replica.cluster_id = :cluster_id and replica.state = 'up'
  and replica.beat_at > now() - cast(:timeout as interval)
group by 1, 2
