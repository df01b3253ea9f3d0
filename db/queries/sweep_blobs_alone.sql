-- Nobody records a blob or registers a model while one is dropped.
select pg_advisory_xact_lock(hashtext('rayfarm blobs'))
