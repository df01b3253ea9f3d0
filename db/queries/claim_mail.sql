-- A person whom something waits for, with their hour: the number of the attempt is the fence of what is written next.
with due as (
    select mail_box.account_id, hour_from <= now() - interval '1 hour' as is_new_hour
    from mail_box
    where not_before <= now() and (sent < :most_per_hour or hour_from <= now() - interval '1 hour')
      and exists (select from mail_notice where mail_notice.account_id = mail_box.account_id)
    order by not_before limit 1
    for no key update of mail_box skip locked
)
update mail_box set
    attempts = attempts + 1, not_before = now() + cast(:lease as interval),
    hour_from = case when is_new_hour then now() else hour_from end,
    sent = case when is_new_hour then 0 else sent end
from due join account on account.id = due.account_id
where mail_box.account_id = due.account_id
returning mail_box.account_id, mail_box.attempts, mail_box.failures, account.email, now() as at,
          account.disabled_at is not null as disabled
