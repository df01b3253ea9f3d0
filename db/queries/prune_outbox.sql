with old as (
    select id from outbox
    where state <> 'queued' and updated_at < now() - cast(:kept as interval) order by updated_at limit :limit
    for update skip locked
)
delete from outbox using old where outbox.id = old.id
