update webhook set failing_since = null, failures = 0, rests_until = null where id = :id and failing_since is not null
