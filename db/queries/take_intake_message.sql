-- Whoever takes the same message at the same time waits here until this transaction ends.
insert into intake_message (source, dedup_id, digest, message_id, label)
values (:source, :dedup_id, :digest, :message_id, :label)
on conflict do nothing
returning 1
