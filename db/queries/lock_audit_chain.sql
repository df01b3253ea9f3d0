-- Who lengthens or cuts the chain is alone.
select sealed_seq, sealed_hash from audit_chain for update
