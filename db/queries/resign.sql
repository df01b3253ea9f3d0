delete from leader where role = :role and cluster_id = :cluster_id and holder = :holder
