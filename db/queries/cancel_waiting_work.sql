-- What nobody renders ends now; so do tasks, whose only effect is the write that the fence refuses.
update work set
    state = 'canceled', fence = fence + 1, assigned_to = null, leased_until = null, updated_at = now()
where job_id = :job_id and (state = 'queued' or (state in ('leased', 'rendering') and kind <> 'chunk'))
