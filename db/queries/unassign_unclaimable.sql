-- What waits at a replica that may not claim it (it fell silent, drains, or is disabled, or its machine is) is free for
-- others. Whoever says such a word frees it at once, but cannot see a chunk that a plan under way is about to place.
with staged as (
    select work.id from work
    where work.assigned_to is not null and work.state = 'queued'
      and work.assigned_to not in (select id from accepting_replica)
    order by work.id
    for no key update of work skip locked
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
returning work.id
