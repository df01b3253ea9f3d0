-- What names the session at the provider when somebody signs out here. An ID token opens nothing, but holds a name and
-- an address: it goes when its session has ended.

alter table oidc_login add column family_id uuid not null default gen_random_uuid();

create table oidc_session (
    family_id  uuid primary key,
    issuer     text not null check (length(issuer) <= 2048),
    id_token   text check (length(id_token) <= 4096),
    ends_at    timestamptz not null
);

create index oidc_session_end on oidc_session (ends_at);
