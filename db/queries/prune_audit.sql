-- The one way by which entries go; it moves the checkpoint first.
select prune_audit(cast(:kept as interval), :limit)
