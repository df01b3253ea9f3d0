-- Who logs in at an identity provider has no password here; a service account has none, and nowhere to log in.

alter table account
    alter column password_hash drop not null,
    add column kind        text not null default 'person' check (kind in ('person', 'service')),
    add column project_id  uuid references project (id),
    add check (kind = 'service' or project_id is null),
    add check (kind = 'person' or password_hash is null),
    add check (project_id is null or farm_role is null);

create index account_services on account (project_id, created_at) where kind = 'service';

alter table api_key add column account_id uuid references account (id);

create index api_key_account on api_key (account_id) where account_id is not null;

create table oidc_identity (
    issuer         text not null check (length(issuer) <= 2048),
    subject        text not null check (length(subject) <= 255),
    account_id     uuid not null references account (id),
    granted        text[] not null default '{}',
    created_at     timestamptz not null default now(),
    last_login_at  timestamptz not null default now(),
    primary key (issuer, subject)
);

create index oidc_identity_account on oidc_identity (account_id);

-- One row for each login that the provider has vouched for. Its primary key is what a second use of it runs into.
create table oidc_login (
    state_hash       bytea primary key check (length(state_hash) = 32),
    account_id       uuid not null references account (id),
    session_epoch    integer not null,
    session_ends_at  timestamptz not null,
    code_hash        bytea unique check (length(code_hash) = 32),
    code_challenge   text check (length(code_challenge) = 43),
    code_expires_at  timestamptz,
    code_used_at     timestamptz,
    expires_at       timestamptz not null,
    check ((code_hash is null) = (code_challenge is null) and (code_hash is null) = (code_expires_at is null))
);

create index oidc_login_expiry on oidc_login (expires_at);
create index oidc_login_account on oidc_login (account_id);

-- A session that a provider vouched for ends at a time, however often it is renewed.
alter table refresh_token add column session_ends_at timestamptz;

-- Whoever proves an address at the provider takes up what is offered to it.
create index invitation_email on invitation (email) where accepted_at is null and revoked_at is null;
