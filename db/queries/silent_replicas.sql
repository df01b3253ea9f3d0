update replica set state = 'gone', gone_at = now(), current = null, residents = '[]'
where state <> 'gone' and beat_at < now() - cast(:timeout as interval)
returning id
