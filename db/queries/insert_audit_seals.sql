insert into audit_seal (seq, entry_id, hash)
select seq, entry_id, decode(hash, 'hex')
from unnest(cast(:seqs as bigint[]), cast(:ids as bigint[]), cast(:hashes as text[])) as seal (seq, entry_id, hash)
