select replica.id, replica.pool, replica.labels, replica.engines, replica.device_class, replica.residents,
       exists (select from accepting_replica where accepting_replica.id = replica.id) as accepts_work,
       (select count(*) from work
        where work.replica_id = replica.id and work.state in ('leased', 'rendering') and work.kind = 'chunk') as busy,
       (select coalesce(json_agg(json_build_array(work.id, work.job_id) order by work.priority_rank, work.id), '[]')
        from work
        where work.assigned_to = replica.id and work.state = 'queued' and work.kind = 'chunk') as staged
from replica
where replica.cluster_id = :cluster_id and replica.state <> 'gone'
  and replica.beat_at > now() - cast(:replica_timeout as interval)
order by replica.id
