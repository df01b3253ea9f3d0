-- A try is counted before it is made: those that come at once wait for the row, and see each other.
insert into login_throttle (email_hash, failures, last_at) values (:email_hash, 1, now())
on conflict (email_hash) do update set
    failures = case
        when login_throttle.last_at < now() - make_interval(secs => :forget_after_s) then 1
        else login_throttle.failures + 1
    end,
    last_at = now()
where now() >= login_throttle.last_at + make_interval(secs => case
    when login_throttle.failures < :free_tries then 0
    else least(:longest_s, power(2.0, least(login_throttle.failures - :free_tries, 30)))
end)
returning failures
