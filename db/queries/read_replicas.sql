-- Replicas that take work, by kind. Each kind says how many there are; only those that the planner can use are listed:
-- that have room, or whose staged chunk an idle one could start, or that has to give way to a higher class. Of each sort
-- at most :listed, those that hold a wanted model first.
-- date_part, as extract would compute in decimals.
with held as materialized (
    select coalesce(replica_id, assigned_to) as replica_id,
           count(*) filter (where state <> 'queued') as busy,
           sum(cardinality(ordinals)) filter (where state <> 'queued') as busy_frames,
           (array_agg(job_id) filter (where state <> 'queued'))[1] as busy_job,
           count(*) filter (where state = 'queued') as staged,
           array_agg(id) filter (where state = 'queued') as staged_ids,
           array_agg(job_id) filter (where state = 'queued') as staged_jobs,
           max(priority_rank) filter (where state = 'queued') as staged_rank,
           min(updated_at) filter (where state = 'queued') as staged_at
    from work
    where state in ('queued', 'leased', 'rendering') and kind in ('chunk', 'part')
      and (state <> 'queued' or assigned_to is not null) and job_id is not null
    group by 1
), seen as materialized (
    select replica.id, replica.pool, replica.node, replica.labels, replica.engines, replica.device_class,
           replica.residents, held.busy, held.busy_frames, held.busy_job, held.staged, held.staged_ids,
           held.staged_jobs, held.staged_rank, held.staged_at,
           coalesce(held.busy + held.staged, 0) as load
    from replica
    left join held on held.replica_id = replica.id
    left join node on node.cluster_id = replica.cluster_id and node.name = replica.node
    where replica.cluster_id = :cluster_id and replica.state = 'up' and not replica.drain and not replica.disabled
      and node.disabled is not true and replica.beat_at > now() - cast(:replica_timeout as interval)
), usable as (
    select seen.*, least(load, cast(:staged_chunks as integer) + 1) as sort
    from seen
    where load <= :staged_chunks
       or staged_rank > :most_urgent
       or (staged > 0 and busy > 0 and exists (select from seen where load = 0))
), numbered as (
    select usable.*, row_number() over (
               partition by pool, device_class, labels, engines, sort
               order by case when load > 0 or residents = '[]' then 1
                             when exists (
                                 select from jsonb_array_elements(residents) as resident
                                 where resident ->> 'digest' = any(cast(:digests as text[]))
                             ) then 0
                             else 2 end,
                        staged_rank desc, id
           ) as turn
    from usable
), listed as (
    select pool, device_class, labels, engines, json_agg(json_build_array(
               id, node, jsonb_path_query_array(residents, '$[*].digest'), coalesce(busy, 0), coalesce(busy_frames, 0),
               busy_job, staged_ids, staged_jobs, date_part('epoch', now() - staged_at)
           ) order by id)::text as replicas
    from numbered where turn <= :listed
    group by pool, device_class, labels, engines
), kinds as (
    select pool, device_class, labels, engines, count(*) as replicas,
           array_agg(distinct node) filter (where (select exists (
               select from job_block where blocked_at is not null
           ))) as nodes
    from seen
    group by pool, device_class, labels, engines
)
select kinds.pool, kinds.device_class, kinds.labels, kinds.engines, kinds.replicas as total, kinds.nodes,
       listed.replicas
from kinds left join listed using (pool, device_class, labels, engines)
order by kinds.pool, kinds.device_class, kinds.labels, kinds.engines
