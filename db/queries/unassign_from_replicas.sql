-- What waits at any of them is free for others. Of several replicas at once: rows are locked in order of id.
with staged as (
    select id from work where assigned_to = any(cast(:replica_ids as uuid[])) order by id for no key update
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
