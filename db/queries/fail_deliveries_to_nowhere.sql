with orphan as (
    select id from delivery
    where destination_id = :destination_id and state = 'queued'
      and not exists (select from destination where id = :destination_id)
    order by not_before, id limit :limit
    for no key update skip locked
)
update delivery set state = 'failed', copying = false, error = 'The destination was deleted.', updated_at = now()
from orphan where delivery.id = orphan.id
