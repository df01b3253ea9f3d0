select rate_class, greatest(0, extract(epoch from full_at - now()))::double precision as missing_s
from rate_bucket
where subject = :subject
