with old as (
    select state_hash from oidc_login where expires_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from oidc_login using old where oidc_login.state_hash = old.state_hash
