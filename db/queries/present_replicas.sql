select labels, engines, device_class, pool from replica
where state = 'up' and not drain and not disabled and beat_at > now() - cast(:timeout as interval)
order by id
