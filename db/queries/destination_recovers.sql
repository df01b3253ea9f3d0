update destination set failures = 0, failing_since = null, rests_until = null, error = null
where id = :id and failing_since is not null
