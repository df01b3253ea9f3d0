-- What is committed and not sealed; one that is missing keeps the others from nothing, and verification names it.
select audit_entry.* from audit_pending join audit_entry on audit_entry.id = audit_pending.entry_id
order by audit_entry.id limit :limit
