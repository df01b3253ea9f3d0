with staged as (
    select id from work where assigned_to = :replica_id order by id for no key update
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
