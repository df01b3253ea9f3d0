-- In a stream of its own: what is told again holds up nothing that waits, and its tries are counted anew. Not where its
-- event has been pruned.
update outbox set
    state = 'queued', stream_id = public_id, spared = attempts, not_before = now(), updated_at = now(), error = null
where webhook_id = :webhook_id and public_id = :public_id and state <> 'queued'
  and (event_id is null or exists (select from event where event.id = outbox.event_id))
returning id
