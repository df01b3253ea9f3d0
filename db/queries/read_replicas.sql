-- Replicas that take work, by kind: how many there are, and one by one only those that the planner can use: that have
-- room, or whose staged chunk an idle one could start, or that has to give way to a higher class. Of each sort and kind
-- at most :listed, those that hold a wanted model first, and of those that have to give way no more than :victims.
-- Narrow rows are counted and numbered, and what is wide is looked up for what is left. The variant read_replicas.some
-- looks at those of `ids` alone.
with held as materialized (
    select coalesce(replica_id, assigned_to) as replica_id, count(*) as load, count(assigned_to) as staged,
           max(priority_rank) filter (where state = 'queued') as staged_rank
    from work
    where (assigned_to is not null or state in ('leased', 'rendering')) and kind in ('chunk', 'part')
      --some and (assigned_to = any(cast(:ids as uuid[]))
      --some      or (state in ('leased', 'rendering') and replica_id = any(cast(:ids as uuid[]))))
    group by 1
), seen as materialized (
    select replica.id, coalesce(held.load, 0) as load, held.staged, held.staged_rank, replica.alike
    from accepting_replica as replica
    left join held on held.replica_id = replica.id
    where replica.cluster_id = :cluster_id and replica.beat_at > now() - cast(:replica_timeout as interval)
      --some and replica.id = any(cast(:ids as uuid[]))
), idle as materialized (
    select seen.id,
           case when replica.residents = '[]' then 1
                when exists (
                    select from jsonb_array_elements(replica.residents) as resident
                    where resident ->> 'digest' = any(cast(:digests as text[]))
                ) then 0
                else 2 end as chill
    from seen join replica on replica.id = seen.id
    where seen.load = 0
), numbered as (
    select seen.id, alike, load, row_number() over (
               partition by alike, least(load, cast(:staged_chunks as integer) + 1)
               order by coalesce(idle.chill, 1), staged_rank desc nulls last
           ) as turn
    from seen left join idle on idle.id = seen.id
    where load <= :staged_chunks
       or staged_rank > :most_urgent
       or (staged > 0 and load > staged and exists (select from idle))
), picked as materialized (
    select id, alike from numbered
    where turn <= case when load <= :staged_chunks or exists (select from idle)
                       then cast(:listed as integer) else cast(:victims as integer) end
), listed as (
    select picked.alike, json_agg(json_build_array(
               picked.id, replica.node, replica.residents, pieces.busy, coalesce(pieces.busy_frames, 0),
               pieces.busy_job, pieces.staged_ids, pieces.staged_jobs, pieces.staged_s
           ))::text as replicas
    from picked
    cross join lateral (  -- an index look-up each: a limit keeps it one
        select node, jsonb_path_query_array(residents, '$[*].digest') as residents from replica
        where replica.id = picked.id limit 1
    ) as replica
    cross join lateral (
        select count(*) filter (where piece.state <> 'queued') as busy,
               sum(cardinality(piece.ordinals)) filter (where piece.state <> 'queued') as busy_frames,
               (array_agg(piece.job_id) filter (where piece.state <> 'queued'))[1] as busy_job,
               array_agg(piece.id) filter (where piece.state = 'queued') as staged_ids,
               array_agg(piece.job_id) filter (where piece.state = 'queued') as staged_jobs,
               date_part('epoch', now() - min(piece.updated_at) filter (where piece.state = 'queued')) as staged_s
        from (
            select id, job_id, state, ordinals, kind, updated_at from work
            where replica_id = picked.id and state in ('leased', 'rendering')
            union all
            select id, job_id, state, ordinals, kind, updated_at from work where assigned_to = picked.id
        ) as piece
        where piece.kind in ('chunk', 'part')
    ) as pieces
    group by picked.alike
), kinds as (
    select alike, count(*) as total, count(*) filter (where load <= :staged_chunks) as roomy, any_value(id) as sample
    from seen group by alike
), nodes as (
    select seen.alike, array_agg(distinct replica.node) as nodes
    from seen join replica on replica.id = seen.id
    where exists (select from job_block where blocked_at is not null)
    group by seen.alike
)
select kinds.alike, sample.pool, sample.device_class, sample.labels, sample.engines, kinds.total, kinds.roomy,
       nodes.nodes, listed.replicas
from kinds
join replica as sample on sample.id = kinds.sample
left join listed on listed.alike = kinds.alike
left join nodes on nodes.alike = kinds.alike
order by sample.pool, sample.device_class, sample.labels, sample.engines
