-- People beside keys. A key has a role now; its scopes only narrow it. Keys of before keep all that they could do.

create table account (
    id             uuid primary key,
    email          text not null unique check (email = lower(email) and length(email) between 3 and 254),
    name           text not null,
    password_hash  text not null,
    farm_role      text check (farm_role in ('operator', 'admin')),
    session_epoch  integer not null default 1,
    created_at     timestamptz not null default now(),
    disabled_at    timestamptz
);

create table member (
    project_id  uuid not null references project (id),
    account_id  uuid not null references account (id),
    role        text not null check (role in ('viewer', 'artist', 'manager')),
    created_at  timestamptz not null default now(),
    primary key (project_id, account_id)
);

create index member_account on member (account_id);

create table refresh_token (
    token_hash  bytea primary key check (length(token_hash) = 32),
    family_id   uuid not null,
    account_id  uuid not null references account (id),
    session_epoch  integer not null,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null,
    used_at     timestamptz
);

create index refresh_token_family on refresh_token (family_id);
create index refresh_token_account on refresh_token (account_id);
create index refresh_token_expiry on refresh_token (expires_at);

create table invitation (
    id           uuid primary key,
    token_hash   bytea not null unique check (length(token_hash) = 32),
    email        text not null check (email = lower(email)),
    project_id   uuid references project (id),
    role         text not null check (role in ('viewer', 'artist', 'manager', 'operator', 'admin')),
    invited_by   text not null,
    created_at   timestamptz not null default now(),
    expires_at   timestamptz not null,
    accepted_at  timestamptz,
    revoked_at   timestamptz,
    check ((project_id is null) = (role in ('operator', 'admin')))
);

create index invitation_project on invitation (project_id, created_at);

create table login_throttle (
    email_hash   bytea primary key check (length(email_hash) = 32),
    failures     integer not null,
    last_at      timestamptz not null
);

create index login_throttle_age on login_throttle (last_at);

alter table api_key
    add column role        text,
    add column created_by  text not null default 'the farm';

update api_key set role = case when project_id is null then 'admin' else 'manager' end, scopes = '{}';

alter table api_key
    alter column role set not null,
    add check (role in ('viewer', 'artist', 'manager', 'operator', 'admin')),
    add check ((project_id is null) = (role in ('operator', 'admin')));

create index api_key_project on api_key (project_id, created_at);
