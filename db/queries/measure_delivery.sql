select count(*) as waiting, coalesce(extract(epoch from now() - min(queued_at)), 0) as lag_s
from delivery
where state = 'queued'
