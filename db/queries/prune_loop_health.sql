with old as (
    select name, cluster_id from loop_health
    where ran_at < now() - cast(:kept as interval) order by ran_at limit :limit
    for update skip locked
)
delete from loop_health using old where loop_health.name = old.name and loop_health.cluster_id = old.cluster_id
