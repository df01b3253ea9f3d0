delete from audit_pending where entry_id = any(cast(:ids as bigint[]))
