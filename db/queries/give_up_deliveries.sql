-- What waits for a bucket that has taken nothing for so long, a batch at a time.
with old as (
    select id from delivery
    where destination_id = :destination_id and state = 'queued' and not copying
      and queued_at + cast(:give_up_after as interval) <= now()
    order by not_before, id limit :limit
    for no key update skip locked
)
update delivery set state = 'failed', error = :error, updated_at = now() from old where delivery.id = old.id
