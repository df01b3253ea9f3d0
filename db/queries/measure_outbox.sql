select count(*) as waiting, coalesce(extract(epoch from now() - min(created_at)), 0) as lag_s
from outbox
where state = 'queued'
