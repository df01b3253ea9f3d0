select hash from audit_seal where seq = :seq
