update replica set disabled = :disabled where id = :replica_id and state <> 'gone' returning id
