update audit_chain set sealed_seq = :seq, sealed_hash = :hash, sealed_at = now()
