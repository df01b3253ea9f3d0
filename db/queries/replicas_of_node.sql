select id from replica where cluster_id = :cluster_id and node = :name and state <> 'gone' order by id
