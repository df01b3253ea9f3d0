-- What the chain itself cannot show: seals behind its head, entries that wait and are gone, and those of neither kind.
select
    (select min(seq) from audit_seal where seq > :sealed_seq) as beyond,
    (select min(entry_id) from audit_pending
     where not exists (select from audit_entry where id = audit_pending.entry_id)) as lost,
    (select min(id) from audit_entry
     where not exists (select from audit_seal where entry_id = audit_entry.id)
       and not exists (select from audit_pending where entry_id = audit_entry.id)) as stray
