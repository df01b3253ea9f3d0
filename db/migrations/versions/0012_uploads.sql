-- An upload is open, being verified (until verifying_until, which its process moves on), complete, or refused.

create table upload (
    id              uuid primary key,
    project_id      uuid not null references project (id),
    digest          text not null check (digest ~ '^[0-9a-f]{64}$'),
    size_bytes      bigint not null check (size_bytes >= 0),
    part_bytes      bigint not null check (part_bytes > 0),
    reference       text not null,
    created_at      timestamptz not null default now(),
    expires_at      timestamptz not null,
    verifying_until timestamptz,
    completed_at    timestamptz,
    problem         jsonb,
    unique (project_id, digest),
    check (completed_at is null or problem is null)
);

create index upload_expiry on upload (expires_at);
