select pg_notify(:channel, :payload)
