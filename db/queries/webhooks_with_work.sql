-- Webhooks that have something to be told and do not rest; what is due of it is found by claim_deliveries.
select id, project_id, url, format, salt, key_id, failing_since is not null as fails,
       (select name from project where project.id = webhook.project_id) as project_name,
       case when previous_until > now() then previous_salt end as previous_salt,
       case when previous_until > now() then previous_key_id end as previous_key_id
from webhook
where enabled and (rests_until is null or rests_until <= now())
  and exists (select from outbox where state = 'queued' and target = 'webhook:' || webhook.id::text)
