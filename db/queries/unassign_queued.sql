-- A paused job starts nothing: what waits at a replica comes back.
with staged as (
    select id from work where job_id = :job_id and kind <> 'range' and state = 'queued' and assigned_to is not null
    order by id for no key update
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
