-- All that was written before `horizon` is committed or will never be. `is_held`: something younger is committed already,
-- and waits for a transaction that began before it.
select cast(snapshot.xmin as text) as horizon, cast(snapshot.xmax as text) as beyond,
       exists (select from event where xid >= snapshot.xmin and xid < snapshot.xmax) as is_held
from (
    select pg_snapshot_xmin(pg_current_snapshot()) as xmin, pg_snapshot_xmax(pg_current_snapshot()) as xmax
) as snapshot
