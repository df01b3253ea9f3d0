with old as (
    select family_id from oidc_session where ends_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from oidc_session using old where oidc_session.family_id = old.family_id
