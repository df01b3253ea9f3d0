-- A film or contact sheet under way lacks the frames that are rendered again.
update work set state = 'canceled', fence = fence + 1, leased_until = null, updated_at = now()
where job_id = :job_id and kind = 'post' and task in ('video', 'contact_sheet') and state in ('queued', 'leased', 'rendering')
