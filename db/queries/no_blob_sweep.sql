-- Until this transaction ends no blob is dropped.
select pg_advisory_xact_lock_shared(hashtext('rayfarm blobs'))
