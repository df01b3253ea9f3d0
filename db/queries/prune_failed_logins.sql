with old as (
    select email_hash from login_throttle where last_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from login_throttle using old where login_throttle.email_hash = old.email_hash
