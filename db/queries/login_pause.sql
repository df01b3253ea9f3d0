select extract(epoch from last_at - now())
    + case when failures < :free_tries then 0 else least(:longest_s, power(2.0, least(failures - :free_tries, 30))) end
from login_throttle
where email_hash = :email_hash
