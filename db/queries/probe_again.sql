update model set state = 'probing', problem = null, updated_at = now()
where id = :model_id and state = 'invalid' and problem ->> 'code' = 'probe-failed'
returning id
