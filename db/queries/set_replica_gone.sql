update replica set state = 'gone', gone_at = now(), current = null, residents = '[]'
where id = :replica_id and state <> 'gone'
