select desired from pool
where cluster_id = :cluster_id and name = :pool and updated_at > now() - cast(:stale_after as interval)
