-- The oldest transaction that runs now: whatever an older one wrote can be seen, see read_changes.sql.
select cast(pg_snapshot_xmin(pg_current_snapshot()) as text)
