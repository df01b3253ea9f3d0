-- The whole schema of the first version. Later migrations never edit this file.

create sequence leader_epoch;  -- one for all roles and clusters: an epoch names one reign and no other

create table project (
    id          uuid primary key,
    slug        text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,62}$'),
    name        text not null,
    created_at  timestamptz not null default now()
);

create table api_key (
    id            uuid primary key,
    project_id    uuid references project (id),
    name          text not null,
    prefix        text not null unique,
    secret_hash   bytea not null check (length(secret_hash) = 32),
    scopes        text[] not null default '{}',
    created_at    timestamptz not null default now(),
    expires_at    timestamptz,
    last_used_at  timestamptz,
    revoked_at    timestamptz
);

create table blob (
    digest      text primary key check (digest ~ '^[0-9a-f]{64}$'),
    size_bytes  bigint not null check (size_bytes >= 0),
    created_at  timestamptz not null default now()
);

create table project_blob (
    project_id  uuid not null references project (id),
    digest      text not null references blob (digest),
    created_at  timestamptz not null default now(),
    primary key (project_id, digest)
);

create table model (
    id          uuid primary key,
    project_id  uuid not null references project (id),
    name        text not null,
    kind        text not null,
    digest      text not null,
    manifest    jsonb not null,
    state       text not null check (state in ('probing', 'ready', 'incomplete', 'invalid')),
    probe       jsonb,
    problem     jsonb,
    created_at  timestamptz not null default now(),
    updated_at  timestamptz not null default now(),
    unique (project_id, digest)
);

create table job (
    id               uuid primary key,
    project_id       uuid not null references project (id),
    model_id         uuid not null references model (id),
    name             text not null,
    spec             jsonb not null,
    state            text not null check (state in ('blocked', 'queued', 'running', 'paused', 'awaiting_approval',
                                                    'canceling', 'finishing', 'succeeded', 'failed', 'canceled')),
    end_reason       text check (end_reason in ('ok', 'reused', 'user_cancel', 'user_skip', 'deadline', 'budget',
                                                'engine_error', 'engine_crash', 'timeout', 'stalled', 'out_of_memory',
                                                'bad_output', 'model_invalid', 'dependency_failed', 'worker_lost',
                                                'interrupted', 'infra')),
    message          text,
    priority_rank    smallint not null,
    weight           integer not null check (weight > 0),
    total            integer not null check (total > 0),
    committed        integer not null default 0 check (committed >= 0),
    reused           integer not null default 0 check (reused >= 0),
    failed           integer not null default 0 check (failed >= 0),
    canceled         integer not null default 0 check (canceled >= 0),
    skipped          integer not null default 0 check (skipped >= 0),
    generation       integer not null default 1,
    engine_version   text,
    device_class     text,
    render_key       text,
    wait_reason      text,
    event_seq        bigint not null default 0,
    render_ms_sum    double precision not null default 0,
    render_count     integer not null default 0,
    warm_count       integer not null default 0,
    cold_count       integer not null default 0,
    idempotency_key  text,
    created_at       timestamptz not null default now(),
    started_at       timestamptz,
    ended_at         timestamptz,
    constraint job_counts_fit check (committed + reused + failed + canceled + skipped <= total),
    constraint job_ends_with_its_frames check (
        state not in ('succeeded', 'failed', 'canceled') or committed + reused + failed + canceled + skipped = total
    ),
    constraint job_end_is_whole check (
        (state in ('succeeded', 'failed', 'canceled')) = (ended_at is not null)
        and (state in ('succeeded', 'failed', 'canceled')) = (end_reason is not null)
    )
) with (fillfactor = 50);  -- its counters change with every commit; room on the page keeps those updates off the indexes

create index job_by_project on job (project_id, created_at desc, id desc);
create index job_live on job (state) where state not in ('succeeded', 'failed', 'canceled');
create unique index job_idempotency on job (project_id, idempotency_key) where idempotency_key is not null;
create index job_by_render_key on job (project_id, render_key) where render_key is not null;

create table work (
    id                 bigserial primary key,
    job_id             uuid references job (id),
    model_id           uuid references model (id),
    kind               text not null check (kind in ('range', 'chunk', 'part', 'merge', 'post', 'probe')),
    generation         integer not null default 1,
    task               text,
    first              integer not null default 0 check (first >= 0),
    count              integer not null default 0 check (count >= 0),
    ordinals           integer[],
    state              text not null default 'queued'
                       check (state in ('queued', 'leased', 'rendering', 'done', 'failed', 'canceled')),
    fence              integer not null default 0,
    assigned_to        uuid,
    replica_id         uuid,
    cluster_id         text,
    leased_until       timestamptz,
    tries              integer not null default 0,
    worker_failures    integer not null default 0,
    resource_failures  integer not null default 0,
    avoid              uuid[] not null default '{}',
    not_before         timestamptz not null default now(),
    priority_rank      smallint not null default 1,
    data               jsonb,
    error              text,
    created_at         timestamptz not null default now(),
    updated_at         timestamptz not null default now(),
    constraint work_has_an_owner check ((job_id is null) <> (model_id is null)),
    constraint work_chunk_has_frames check (kind <> 'chunk' or ordinals is not null),
    constraint work_live_chunk_is_not_empty check (
        kind <> 'chunk' or state not in ('queued', 'leased', 'rendering') or cardinality(ordinals) > 0
    ),
    constraint work_lease_is_whole check (
        (state in ('leased', 'rendering')) = (leased_until is not null)
        and (state not in ('leased', 'rendering') or replica_id is not null)
        and (state <> 'queued' or replica_id is null)
        and (assigned_to is null or state = 'queued')
    )
) with (fillfactor = 70);

create index work_assigned on work (assigned_to, priority_rank, id) where assigned_to is not null;
create index work_live_by_job on work (job_id) where state in ('queued', 'leased', 'rendering');
create index work_held on work (replica_id) where state in ('leased', 'rendering');
create index work_lease_end on work (leased_until) where state in ('leased', 'rendering');
create index work_tasks on work (priority_rank, id) where state = 'queued' and kind in ('post', 'probe');
create unique index work_one_film on work (job_id, generation) where kind = 'post' and task = 'video';
create unique index work_one_probe on work (model_id)
    where kind = 'probe' and state in ('queued', 'leased', 'rendering');

-- History below is insert-only and written by the transaction that holds the job's row, which is never deleted before
-- it: a foreign key would look the job up again for every frame.

create table frame_result (
    job_id      uuid not null,
    ordinal     integer not null check (ordinal >= 0),
    generation  integer not null,
    frame       integer not null,
    state       text not null check (state in ('committed', 'reused', 'failed', 'canceled', 'skipped')),
    end_reason  text not null check (end_reason in ('ok', 'reused', 'user_cancel', 'user_skip', 'deadline', 'budget',
                                                    'engine_error', 'engine_crash', 'timeout', 'stalled',
                                                    'out_of_memory', 'bad_output', 'model_invalid',
                                                    'dependency_failed', 'worker_lost', 'interrupted', 'infra')),
    message     text,
    attempt_id  uuid,
    replica_id  uuid,
    render_ms   double precision,
    warm        boolean,
    at          timestamptz not null default now(),
    primary key (job_id, ordinal, generation),
    constraint frame_result_reason_fits check (
        (state = 'committed') = (end_reason = 'ok') and (state = 'reused') = (end_reason = 'reused')
    )
);

create table attempt (
    id          uuid primary key,
    job_id      uuid not null,
    ordinal     integer not null,
    generation  integer not null,
    work_id     bigint not null,
    fence       integer not null,
    replica_id  uuid,
    started_at  timestamptz,
    ended_at    timestamptz not null default now(),
    outcome     text not null check (outcome in ('ok', 'reused', 'user_cancel', 'user_skip', 'deadline', 'budget',
                                                 'engine_error', 'engine_crash', 'timeout', 'stalled',
                                                 'out_of_memory', 'bad_output', 'model_invalid', 'dependency_failed',
                                                 'worker_lost', 'interrupted', 'infra')),
    message     text,
    timings     jsonb not null default '{}',
    metrics     jsonb not null default '{}',
    log         text
);

create index attempt_by_frame on attempt (job_id, ordinal);

create table artifact (
    id           uuid primary key,
    project_id   uuid not null,
    job_id       uuid not null,
    ordinal      integer,
    generation   integer not null,
    kind         text not null check (kind in ('frame', 'extra', 'preview', 'video', 'video_preview', 'log')),
    name         text not null,
    storage_key  text not null,
    size_bytes   bigint not null check (size_bytes >= 0),
    sha256       text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    media_type   text not null,
    width        integer,
    height       integer,
    created_at   timestamptz not null default now()
);

create index artifact_by_frame on artifact (job_id, ordinal);

create table event (
    id          bigserial primary key,
    project_id  uuid not null,
    job_id      uuid,
    model_id    uuid,
    seq         bigint not null,
    kind        text not null,
    data        jsonb not null,
    at          timestamptz not null default now(),
    unique (job_id, seq)
);

create index event_by_model on event (model_id, id) where model_id is not null;

create table replica (
    id            uuid primary key,
    cluster_id    text not null,
    pool          text not null,
    node          text not null,
    serve_id      text not null,
    labels        jsonb not null default '{}',
    engines       jsonb not null default '{}',
    device_class  text not null,
    residents     jsonb not null default '[]',
    state         text not null check (state in ('starting', 'up', 'draining', 'gone')),
    drain         boolean not null default false,
    current       jsonb,
    started_at    timestamptz not null default now(),
    beat_at       timestamptz not null default now(),
    gone_at       timestamptz,
    constraint replica_gone_is_whole check ((state = 'gone') = (gone_at is not null))
) with (fillfactor = 50);

create index replica_live on replica (cluster_id) where state <> 'gone';

create table leader (
    role        text not null,
    cluster_id  text not null,
    holder      uuid not null,
    epoch       bigint not null unique,
    expires_at  timestamptz not null,
    primary key (role, cluster_id)
);

create table pool (
    cluster_id  text not null,
    name        text not null,
    desired     integer not null check (desired >= 0),
    updated_at  timestamptz not null default now(),
    primary key (cluster_id, name)
);
