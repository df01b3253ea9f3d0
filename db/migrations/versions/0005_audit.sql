-- Who did what. A row is written by the transaction of its change, and sealed into a hash chain soon after: a chain that
-- every request had to lengthen would let only one of them commit at a time.

create table audit_entry (
    id             bigint generated always as identity primary key,
    at             timestamptz not null default now(),
    actor_kind     text not null check (actor_kind in ('account', 'key', 'nobody', 'farm')),
    actor_id       uuid,
    actor_name     text,
    actor_role     text,
    address        text,
    user_agent     text,
    request_id     text,
    action         text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
    resource_type  text not null,
    resource_id    text,
    project_id     uuid,
    before         jsonb,
    after          jsonb,
    check ((actor_kind in ('account', 'key')) = (actor_id is not null))
);

create index audit_entry_at on audit_entry (at);
create index audit_entry_project on audit_entry (project_id, id) where project_id is not null;
create index audit_entry_actor on audit_entry (actor_id, id) where actor_id is not null;
create index audit_entry_actor_name on audit_entry (actor_name, id) where actor_name is not null;
create index audit_entry_action on audit_entry (action text_pattern_ops, id);
create index audit_entry_resource on audit_entry (resource_id, id) where resource_id is not null;

-- Entries that are not sealed yet. Not found by their ids: a transaction that commits late has a low one.
create table audit_pending (
    entry_id  bigint primary key
);

-- Place and hash of an entry in the chain. No gap in seq, in whatever order the entries were written.
create table audit_seal (
    seq        bigint primary key check (seq > 0),
    entry_id   bigint not null unique,
    hash       bytea not null check (length(hash) = 32),
    sealed_at  timestamptz not null default now()
);

-- Both ends of the chain, in one row: where retention has cut it (the checkpoint), and how far it is sealed.
create table audit_chain (
    id           boolean primary key default true check (id),
    pruned_seq   bigint not null default 0,
    pruned_hash  bytea not null default decode(repeat('00', 32), 'hex') check (length(pruned_hash) = 32),
    pruned_at    timestamptz,
    sealed_seq   bigint not null default 0,
    sealed_hash  bytea not null default decode(repeat('00', 32), 'hex') check (length(sealed_hash) = 32),
    sealed_at    timestamptz,
    check (pruned_seq <= sealed_seq)
);

create function audit_is_pending() returns trigger language plpgsql as $$
begin
    insert into audit_pending (entry_id) values (new.id);
    return null;
end $$;

create trigger audit_entry_pending after insert on audit_entry for each row execute function audit_is_pending();

create function audit_refuse() returns trigger language plpgsql as $$
begin
    raise exception using
        message = 'The audit log is append-only: ' || lower(tg_op) || ' of ' || tg_table_name || ' is refused.',
        hint = 'Retention deletes through prune_audit, behind its checkpoint.',
        errcode = 'insufficient_privilege';
end $$;

create trigger audit_entry_no_update before update on audit_entry for each row execute function audit_refuse();
create trigger audit_seal_no_update before update on audit_seal for each row execute function audit_refuse();
create trigger audit_entry_no_truncate before truncate on audit_entry for each statement execute function audit_refuse();
create trigger audit_seal_no_truncate before truncate on audit_seal for each statement execute function audit_refuse();
create trigger audit_pending_no_truncate before truncate on audit_pending
    for each statement execute function audit_refuse();
create trigger audit_chain_no_truncate before truncate on audit_chain for each statement execute function audit_refuse();
create trigger audit_chain_no_delete before delete on audit_chain for each row execute function audit_refuse();

-- What lies behind the checkpoint may go, and nothing else: the checkpoint moves first.
create function audit_refuse_live_entry() returns trigger language plpgsql as $$
begin
    if not exists (
        select from audit_seal join audit_chain on audit_seal.seq <= audit_chain.pruned_seq
        where audit_seal.entry_id = old.id
    ) then
        raise exception using
            message = 'The audit log is append-only: entry ' || old.id || ' is in force.',
            errcode = 'insufficient_privilege';
    end if;
    return old;
end $$;

create trigger audit_entry_no_delete before delete on audit_entry
    for each row execute function audit_refuse_live_entry();

create function audit_refuse_live_seal() returns trigger language plpgsql as $$
begin
    if not exists (select from audit_chain where pruned_seq >= old.seq) then
        raise exception using
            message = 'The audit log is append-only: seal ' || old.seq || ' is in force.',
            errcode = 'insufficient_privilege';
    end if;
    return old;
end $$;

create trigger audit_seal_no_delete before delete on audit_seal for each row execute function audit_refuse_live_seal();

-- A pending entry leaves only into the chain.
create function audit_refuse_unsealed() returns trigger language plpgsql as $$
begin
    if not exists (select from audit_seal where entry_id = old.entry_id) then
        raise exception using
            message = 'The audit log is append-only: entry ' || old.entry_id || ' is not sealed.',
            errcode = 'insufficient_privilege';
    end if;
    return old;
end $$;

create trigger audit_pending_no_delete before delete on audit_pending
    for each row execute function audit_refuse_unsealed();

-- Both ends move forward, and only onto the seals that are there.
create function audit_chain_moves_forward() returns trigger language plpgsql as $$
begin
    if new.pruned_seq < old.pruned_seq or new.sealed_seq < old.sealed_seq
       or (new.pruned_seq = old.pruned_seq and new.pruned_hash <> old.pruned_hash)
       or (new.sealed_seq = old.sealed_seq and new.sealed_hash <> old.sealed_hash)
       or (new.pruned_seq > old.pruned_seq and not exists (
           select from audit_seal where seq = new.pruned_seq and hash = new.pruned_hash))
       or (new.sealed_seq > old.sealed_seq and not exists (
           select from audit_seal where seq = new.sealed_seq and hash = new.sealed_hash)) then
        raise exception 'The chain of the audit log moves forward along its seals.'
            using errcode = 'insufficient_privilege';
    end if;
    return new;
end $$;

create trigger audit_chain_forward before update on audit_chain
    for each row execute function audit_chain_moves_forward();

-- The one way by which entries go. Deletes the oldest that are all past `kept`, `most` at a time, and leaves the place
-- and hash of the last of them, from which the rest of the chain can still be verified. Returns how many went.
create function prune_audit(kept interval, most integer) returns integer language plpgsql as $$
declare
    last_seq bigint;
    last_hash bytea;
    gone integer;
begin
    perform from audit_chain for update;
    select seq, hash into last_seq, last_hash from (
        -- An entry that is missing ends it too: what proves the breach stays.
        select head.seq, head.hash, bool_and(coalesce(at < now() - kept, false)) over (order by head.seq) as is_past
        from (select * from audit_seal order by seq limit most) as head
        left join audit_entry on audit_entry.id = head.entry_id
    ) as oldest where is_past order by seq desc limit 1;
    if last_seq is null then
        return 0;
    end if;
    update audit_chain set pruned_seq = last_seq, pruned_hash = last_hash, pruned_at = now();
    delete from audit_entry using audit_seal
    where audit_seal.entry_id = audit_entry.id and audit_seal.seq <= last_seq;
    delete from audit_seal where seq <= last_seq;
    get diagnostics gone = row_count;
    return gone;
end $$;
