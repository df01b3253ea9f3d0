update replica set disabled = :disabled, disabled_reason = case when :disabled then cast(:reason as text) end
where id = :replica_id and state <> 'gone'
returning id
