-- A database that was restored from a dump counts its transactions anew: events of the former one would wait for numbers
-- that are far away. All of them are told as the oldest, in the order of their ids.
update event set xid = '3' where xid >= pg_snapshot_xmax(pg_current_snapshot())
