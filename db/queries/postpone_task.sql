-- Counts in resource_failures, which no ceiling of a task looks at: an outage is waited out for as long as it lasts.
update work set
    state = 'queued', fence = fence + 1, replica_id = null, leased_until = null, error = :error,
    resource_failures = resource_failures + 1,
    not_before = now() + least(
        cast(:first_pause as interval) * power(2, least(resource_failures, 16)), cast(:longest_pause as interval)
    ),
    updated_at = now()
where id = :work_id and fence = :fence and state in ('leased', 'rendering')
