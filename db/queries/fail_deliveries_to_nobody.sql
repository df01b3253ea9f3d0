with orphan as (
    select id from outbox
    where state = 'queued'
      and case when webhook_id is null
               then target <> all(array(select url from event_target union all select arn from result_target))
               else not exists (select from webhook where webhook.id = outbox.webhook_id and webhook.enabled) end
    limit :limit
    for no key update skip locked
)
update outbox set state = 'failed', updated_at = now(), error = case when webhook_id is null
    then 'No settings name this target any more.' else 'The webhook was disabled or deleted.' end
from orphan where outbox.id = orphan.id
