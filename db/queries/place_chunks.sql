-- Carve new chunks (or parts of a frame) and hand out loose ones, all to replicas that live; each replica is woken once.
-- None goes to a machine that has been blocked for its job since the plan was made; the jobs are locked, so that none is
-- blocked meanwhile.
-- A part that the plan had no replica for waits for the next plan, which is asked for.
with pieces as (
    select * from jsonb_to_recordset(cast(:chunks as jsonb)) as chunk (
        job_id uuid, generation integer, first integer, ordinals integer[], part integer, parts integer, replica_id uuid,
        priority_rank smallint, traceparent text
    )
), assigns as (
    select * from jsonb_to_recordset(cast(:assigns as jsonb)) as assign (
        work_id bigint, replica_id uuid, job_id uuid, traceparent text
    )
), blocked as (
    select job_id, node from job_block
    where blocked_at is not null and job_id in (select job_id from pieces union select job_id from assigns)
), carved as (
    insert into work (job_id, kind, generation, first, count, ordinals, part, parts, assigned_to, priority_rank,
                      traceparent)
    select pieces.job_id, case when pieces.part is null then 'chunk' else 'part' end, pieces.generation, pieces.first,
           cardinality(pieces.ordinals), pieces.ordinals, pieces.part, pieces.parts, replica.id, pieces.priority_rank,
           pieces.traceparent
    from pieces left join accepting_replica as replica on replica.id = pieces.replica_id
         and (pieces.job_id, replica.node) not in (select job_id, node from blocked)
    returning job_id, assigned_to
), shrunk as (
    update work set
        first = range.first, count = range.count, updated_at = now(),
        state = case when range.count = 0 then 'done' else work.state end
    from jsonb_to_recordset(cast(:ranges as jsonb)) as range (id bigint, first integer, count integer)
    where work.id = range.id
), wanted as (
    select assigns.work_id, assigns.replica_id, assigns.job_id, assigns.traceparent
    from assigns join accepting_replica as replica on replica.id = assigns.replica_id
    where (assigns.job_id, replica.node) not in (select job_id, node from blocked)
), loose as (
    select work.id, wanted.replica_id, wanted.traceparent from work join wanted on wanted.work_id = work.id
    where work.job_id = wanted.job_id and work.state = 'queued' and work.assigned_to is null
      and work.kind in ('chunk', 'part')
    order by work.id
    for no key update of work skip locked
), assigned as (
    update work set
        assigned_to = loose.replica_id, updated_at = now(), traceparent = coalesce(loose.traceparent, work.traceparent)
    from loose where work.id = loose.id
    returning work.job_id, work.assigned_to
), given as (
    update job set given_at = now()
    where id in (select job_id from carved where assigned_to is not null union select job_id from assigned)
), touched as (
    select assigned_to from carved where assigned_to is not null union select assigned_to from assigned
)
select (select count(*) from carved) as carved, (select count(*) from assigned) as assigned,
       (select count(pg_notify('rayfarm_replica_' || replace(assigned_to::text, '-', ''), '{"verb":"work"}'))
        from touched) as told,
       (select pg_notify('rayfarm_dispatch', 'part') from carved where assigned_to is null limit 1) as asked
