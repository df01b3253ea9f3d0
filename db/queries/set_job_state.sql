update job set
    state = :state,
    end_reason = :end_reason,
    message = :message,
    started_at = case when :state = 'running' then coalesce(started_at, now()) else started_at end,
    running_since = case when :state = 'running' then now() else running_since end,
    renders_before = case when :state = 'running' then render_count else renders_before end,
    ended_at = case when :terminal then now() end,
    wait_reason = case when :state in ('queued', 'running') then wait_reason end
where id = :job_id
