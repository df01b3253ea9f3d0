-- What was asked for no more is told no more, so that nobody is written to after they said so.
with gone as (
    delete from mail_notice using event
    where mail_notice.account_id = :account_id and event.id = mail_notice.event_id
      and case when event.kind = 'job.state' then 'job.' || (event.data ->> 'state') else event.kind end
          <> all(cast(:kinds as text[]))
)
insert into mail_box (account_id, kinds) values (:account_id, :kinds)
on conflict (account_id) do update set kinds = excluded.kinds
