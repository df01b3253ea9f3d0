-- The next places of the chain, with what is left of their entries.
select seal.seq, seal.entry_id, seal.hash, audit_entry.*
from (select seq, entry_id, hash from audit_seal where seq > :after_seq order by seq limit :limit) as seal
left join audit_entry on audit_entry.id = seal.entry_id
order by seal.seq
