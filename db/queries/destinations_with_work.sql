-- Destinations that something is due for and that do not rest, found by hops through the index: a farm that delivers
-- nothing pays one look. Also those that are gone, whose files must be ended.
with recursive head as (
    (select destination_id from delivery where state = 'queued' order by destination_id limit 1)
    union all
    select (
        select delivery.destination_id from delivery
        where delivery.state = 'queued' and delivery.destination_id > head.destination_id
        order by delivery.destination_id limit 1
    )
    from head where head.destination_id is not null
)
select head.destination_id as id, destination.id is null as is_gone, destination.project_id, destination.bucket,
       destination.prefix, destination.region, destination.endpoint_url, destination.access_key_id,
       destination.secret, destination.key_id, destination.revision, destination.failing_since is not null as fails
from head left join destination on destination.id = head.destination_id
where head.destination_id is not null and (destination.rests_until is null or destination.rests_until <= now())
  and exists (
      select from delivery
      where delivery.destination_id = head.destination_id and delivery.state = 'queued'
        and delivery.not_before <= now()
  )
