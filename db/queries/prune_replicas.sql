with old as (
    select id from replica
    where state = 'gone' and gone_at < now() - cast(:kept as interval)
      and not exists (
          select from work where work.replica_id = replica.id and work.state in ('leased', 'rendering')
      )
    order by gone_at limit :limit
    for update skip locked
)
delete from replica using old where replica.id = old.id
