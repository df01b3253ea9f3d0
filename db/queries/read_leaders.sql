select role, cluster_id, expires_at > now() as leads, extract(epoch from expires_at - now())::double precision as left_s
from leader
where expires_at > now() - interval '1 day'
order by role, cluster_id
