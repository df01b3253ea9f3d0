-- What nobody renders ends now; so do tasks, whose only effect is the write that the fence refuses.
with waiting as (
    select id from work
    where job_id = :job_id and (state = 'queued' or (state in ('leased', 'rendering') and kind not in ('chunk', 'part')))
    order by id for no key update
)
update work set
    state = 'canceled', fence = work.fence + 1, assigned_to = null, leased_until = null, updated_at = now()
from waiting where work.id = waiting.id
