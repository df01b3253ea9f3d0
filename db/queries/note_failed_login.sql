insert into login_throttle (email_hash, failures, last_at) values (:email_hash, 1, now())
on conflict (email_hash) do update set
    failures = case
        when login_throttle.last_at < now() - make_interval(secs => :forget_after_s) then 1
        else login_throttle.failures + 1
    end,
    last_at = now()
