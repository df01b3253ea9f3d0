-- The job ended without them: their commits are refused from here on, and their replicas are told to stop.
with held as (
    select id, fence, replica_id from work
    where job_id = :job_id and kind in ('chunk', 'part') and state in ('leased', 'rendering')
    order by id for update
), ended as (
    update work set state = 'canceled', fence = work.fence + 1, leased_until = null, updated_at = now()
    from held where work.id = held.id
)
select pg_notify(
    'rayfarm_replica_' || replace(replica_id::text, '-', ''),
    json_build_object('verb', 'cancel', 'work_id', id, 'fence', fence)::text
) from held
