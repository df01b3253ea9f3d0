-- It shall finish its frame and leave. A nearer end replaces a later one; the first reason stays.
with told as (
    update replica set
        drain = true, state = 'draining', drain_reason = coalesce(drain_reason, :reason),
        drain_by = least(drain_by, now() + cast(:within as interval))
    where id = :replica_id and state <> 'gone'
    returning id, drain_reason, extract(epoch from drain_by - now()) as within_s
)
select pg_notify(
           'rayfarm_replica_' || replace(id::text, '-', ''),
           json_build_object('verb', 'drain', 'reason', drain_reason, 'within_s', within_s)::text
       ),
       pg_notify('rayfarm_dispatch', 'replica')
from told
