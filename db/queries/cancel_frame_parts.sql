-- The frame has its outcome without them: parts that wait end, those that render are told to stop, and every late commit
-- is refused by the fence.
with held as (
    select id, fence, replica_id, state from work
    where job_id = :job_id and generation = :generation and kind in ('part', 'merge')
      and ordinals = array[cast(:ordinal as integer)] and state in ('queued', 'leased', 'rendering')
    order by id for no key update
), ended as (
    update work set
        state = 'canceled', fence = work.fence + 1, assigned_to = null, leased_until = null, updated_at = now()
    from held where work.id = held.id
)
select pg_notify(
    'rayfarm_replica_' || replace(replica_id::text, '-', ''),
    json_build_object('verb', 'cancel', 'work_id', id, 'fence', fence)::text
) from held where state <> 'queued'
