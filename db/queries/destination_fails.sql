-- Once for each rest, however many of its files failed at a time. Gives back whether it has failed for too long.
with failed as (
    update destination set
        failures = failures + 1, failing_since = coalesce(failing_since, now()), error = :error,
        rests_until = now() + least(cast(:longest as interval),
                                    cast(:first as interval) * power(2, least(failures, 20)))
    where id = :id and revision = :revision and (rests_until is null or rests_until <= now())
)
select failing_since + cast(:give_up_after as interval) <= now() as for_too_long from destination where id = :id
