-- What each pool has and holds. Work that waits belongs to no pool before it is handed out: `desired` is what the plan
-- would use of this one.
with live as (
    select replica.id, replica.cluster_id, replica.pool, replica.drain,
           replica.disabled or coalesce(node.disabled, false) as disabled,
           exists (select from accepting_replica where accepting_replica.id = replica.id) as accepting
    from replica
    left join node on node.cluster_id = replica.cluster_id and node.name = replica.node
    where replica.state <> 'gone' and replica.beat_at > now() - cast(:timeout as interval)
), held as (
    select coalesce(work.replica_id, work.assigned_to) as replica_id, work.priority_rank,
           count(*) filter (where work.state <> 'queued') as running,
           count(*) filter (where work.state = 'queued') as staged,
           min(work.updated_at) filter (where work.state = 'queued') as staged_since
    from work
    where work.kind in ('chunk', 'part')
      and (work.assigned_to is not null or work.state in ('leased', 'rendering'))
    group by 1, 2
), counted as (
    select cluster_id, pool, count(*) as replicas, count(*) filter (where accepting) as accepting,
           count(*) filter (where drain) as draining, count(*) filter (where disabled) as disabled,
           count(*) filter (where exists (select from held where held.replica_id = live.id and running > 0)) as busy
    from live group by cluster_id, pool
), chunks as (
    select live.cluster_id, live.pool, held.priority_rank, sum(held.running)::bigint as running,
           sum(held.staged)::bigint as staged,
           extract(epoch from now() - min(held.staged_since))::double precision as oldest_staged_s
    from held join live on live.id = held.replica_id
    group by 1, 2, 3
)
select coalesce(counted.cluster_id, pool.cluster_id) as cluster_id, coalesce(counted.pool, pool.name) as name,
       pool.desired, coalesce(counted.replicas, 0) as replicas, coalesce(counted.accepting, 0) as accepting,
       coalesce(counted.busy, 0) as busy, coalesce(counted.draining, 0) as draining,
       coalesce(counted.disabled, 0) as disabled,
       coalesce((
           select json_agg(json_build_object(
                      'priority_rank', priority_rank, 'running', running, 'staged', staged,
                      'oldest_staged_s', oldest_staged_s
                  ) order by priority_rank)
           from chunks where chunks.cluster_id = counted.cluster_id and chunks.pool = counted.pool
       ), '[]') as classes
from counted full join pool on pool.cluster_id = counted.cluster_id and pool.name = counted.pool
order by 1, 2
