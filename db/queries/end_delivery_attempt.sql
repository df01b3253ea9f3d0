-- The number of the attempt is the fence. Where a newer file took the row over meanwhile, it is due at once.
update delivery set
    copying = false, updated_at = now(),
    state = case
        when artifact_id <> :artifact_id then 'queued'
        when :state = 'queued' and queued_at + cast(:give_up_after as interval) <= now() then 'failed'
        else :state
    end,
    failures = case when artifact_id = :artifact_id then cast(:failures as integer) else 0 end,
    error = case when artifact_id = :artifact_id then cast(:error as text) end,
    not_before = case when artifact_id = :artifact_id then now() + cast(:pause as interval) else now() end,
    delivered_at = case when artifact_id = :artifact_id and :state = 'delivered' then now() end
where id = :id and attempts = :attempts and copying
returning artifact_id = :artifact_id as is_newest
