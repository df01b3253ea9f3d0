with orphan as (
    select id from outbox
    where state = 'queued' and target <> all(array(select url from event_target))
    limit :limit
    for no key update skip locked
)
update outbox set state = 'failed', error = 'No settings name this target any more.', updated_at = now()
from orphan where outbox.id = orphan.id
