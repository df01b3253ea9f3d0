-- Both ends of the chain, where there is one yet, and how many entries wait for their seal.
select pruned_seq, pruned_hash, pruned_at, sealed_seq, sealed_hash, sealed_at,
       (select count(*) from audit_pending) as pending
from (select 1) as always left join audit_chain on true
