with old as (
    select id from invitation where expires_at < now() - cast(:kept as interval) limit :limit for update skip locked
)
delete from invitation using old where invitation.id = old.id
