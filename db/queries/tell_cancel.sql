select pg_notify(
    'rayfarm_replica_' || replace(replica_id::text, '-', ''),
    json_build_object('verb', 'cancel', 'work_id', id, 'fence', fence)::text
)
from work where job_id = :job_id and kind in ('chunk', 'part') and state in ('leased', 'rendering')
