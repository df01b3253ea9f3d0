with told as (
    update replica set drain = true, state = 'draining' where id = :replica_id and state <> 'gone' returning id
)
select pg_notify('rayfarm_replica_' || replace(id::text, '-', ''), '{"verb":"drain"}'),
       pg_notify('rayfarm_dispatch', 'replica')
from told
