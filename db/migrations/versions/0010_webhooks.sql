-- Webhooks of projects. Their deliveries are rows of the outbox; of a secret there is only the salt.

create table webhook (
    id               uuid primary key,
    project_id       uuid not null references project (id),
    url              text not null check (length(url) <= 2048),
    description      text not null default '',
    kinds            text[] not null default '{}',
    enabled          boolean not null default true,
    disabled_reason  text check (disabled_reason in ('user', 'gone', 'failing')),
    disabled_at      timestamptz,
    salt             bytea not null check (length(salt) = 16),
    key_id           text not null,
    previous_salt    bytea check (length(previous_salt) = 16),
    previous_key_id  text,
    previous_until   timestamptz,
    failing_since    timestamptz,
    failures         integer not null default 0,
    rests_until      timestamptz,
    created_by       text not null,
    created_at       timestamptz not null default now(),
    check (enabled = (disabled_reason is null)),
    check (enabled = (disabled_at is null)),
    check ((previous_salt is null) = (previous_until is null)),
    check ((previous_salt is null) = (previous_key_id is null))
);

create index webhook_project on webhook (project_id, created_at, id);

alter table outbox rename column job_id to stream_id;
alter table outbox
    alter column event_id drop not null,
    add column webhook_id  uuid,
    add column public_id   uuid not null default gen_random_uuid() unique,
    add column spared      integer not null default 0,
    add check (event_id is not null or webhook_id is not null);
-- No foreign key to the webhook: deleting one must not wait for a million rows; a loop ends them.

create index outbox_of_webhook on outbox (webhook_id, created_at, public_id) where webhook_id is not null;

create table webhook_attempt (
    outbox_id    bigint not null references outbox (id) on delete cascade,
    attempt      integer not null,
    at           timestamptz not null default now(),
    duration_ms  double precision not null,
    status       integer,
    answer       text not null default '',
    error        text,
    primary key (outbox_id, attempt)
);

create or replace function fill_outbox() returns trigger language plpgsql as $$
begin
    if new.job_id is not null then
        insert into outbox (event_id, stream_id, target)
        select new.id, new.job_id, target.url from (select distinct url from event_target) as target;
    end if;
    insert into outbox (event_id, stream_id, target, webhook_id)
    select new.id, coalesce(new.job_id, new.model_id, new.project_id), 'webhook:' || id::text, id
    from webhook
    where project_id = new.project_id and enabled and (kinds = '{}' or new.kind = any(kinds));
    return null;
end $$;

drop trigger event_fills_outbox on event;
create trigger event_fills_outbox after insert on event for each row execute function fill_outbox();
