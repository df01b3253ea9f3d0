-- What nobody renders ends now; so do tasks, whose only effect is the write that the fence refuses.
with waiting as (
    select id from work
    where job_id = :job_id and (  -- an index for each arm
        (kind = 'range' and state = 'queued')
        or (kind <> 'range' and state in ('queued', 'leased', 'rendering')
            and (state = 'queued' or kind not in ('chunk', 'part')))
    )
    order by id for no key update
)
update work set
    state = 'canceled', fence = work.fence + 1, assigned_to = null, leased_until = null, updated_at = now()
from waiting where work.id = waiting.id
