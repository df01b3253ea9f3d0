-- A used one stays until it expires, so that it is known when it comes again.
with old as (
    select token_hash from refresh_token where expires_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from refresh_token using old where refresh_token.token_hash = old.token_hash
