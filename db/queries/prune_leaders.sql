with old as (
    select role, cluster_id from leader
    where expires_at < now() - cast(:kept as interval) order by expires_at limit :limit
    for update skip locked
)
delete from leader using old where leader.role = old.role and leader.cluster_id = old.cluster_id
