insert into audit_chain default values on conflict do nothing
