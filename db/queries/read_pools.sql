select name from pool where cluster_id = :cluster_id
