select pg_advisory_xact_lock(hashtextextended(cast(:job_id as text), 21))
