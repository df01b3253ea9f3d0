-- Until the transaction ends: people who change one thing do it one after the other, also where it has no row yet.
select pg_advisory_xact_lock(hashtextextended('rayfarm edit ' || :thing, 0))
