with staged as (
    select work.id from work
    where work.assigned_to is not null and work.state = 'queued' and not exists (
        select from replica where replica.id = work.assigned_to and replica.state <> 'gone'
    )
    order by work.id
    for no key update of work skip locked
)
update work set assigned_to = null, updated_at = now() from staged where work.id = staged.id
