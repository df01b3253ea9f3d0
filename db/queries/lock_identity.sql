-- Two logins of one person at once take turns, also where the person is not known yet and there is no row to lock.
select pg_advisory_xact_lock(hashtextextended(:issuer || ' ' || :subject, 0))
