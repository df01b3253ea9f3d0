update job set
    state = :state,
    end_reason = :end_reason,
    message = :message,
    started_at = case when :state = 'running' then coalesce(started_at, now()) else started_at end,
    ended_at = case when :terminal then now() end,
    wait_reason = case when :state in ('queued', 'running') then wait_reason end
where id = :job_id
