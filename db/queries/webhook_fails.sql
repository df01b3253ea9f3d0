-- It rests for twice as long with each failure in a row; those of posts that went out together count as one.
update webhook set
    failing_since = coalesce(failing_since, now()),
    failures = failures + case when rests_until > now() then 0 else 1 end,
    rests_until = case when rests_until > now() then rests_until else now() + least(
        cast(:first_pause as interval) * power(2, least(failures, 20)), cast(:longest_rest as interval)
    ) end
where id = :id
returning failing_since < now() - cast(:disable_after as interval) as for_too_long
