-- What the job engine needs beyond the first version: control of jobs, dependencies, fair shares, blocklists, counted
-- licences, parts of one frame, and an outbox.

alter table project
    add column weight     integer not null default 100 check (weight > 0),
    add column charged_s  double precision not null default 0 check (charged_s >= 0),
    add column charged_at timestamptz not null default now();
-- charged_s: slot-seconds that the project has used, halved with every half-life since charged_at.

alter table job
    add column max_replicas   integer check (max_replicas > 0),
    add column scouts         integer check (scouts > 0),
    add column approved_at    timestamptz,
    add column start_before   timestamptz,
    add column finish_before  timestamptz,
    add column split_parts    integer not null default 1 check (split_parts between 1 and 64),
    add column cloned_from    uuid,
    add column charged_ms     double precision not null default 0,
    add column reuse_next     integer not null default 0 check (reuse_next >= 0),
    add column suspects       integer not null default 0 check (suspects >= 0),
    add column given_at       timestamptz,
    add column running_since  timestamptz,
    add column renders_before integer not null default 0 check (renders_before >= 0);
-- scouts: positions handed out before a person must approve the rest; null: no approval.
-- reuse_next: ordinals below it have been looked up for reuse.
-- charged_ms: how much of render_ms_sum has been added to the project's charge.
-- given_at: when a replica was last given work of it.
-- running_since: when it last began to run, also after a pause, an approval or a retry; renders_before: render_count then.

create index job_deadline on job (least(start_before, finish_before))
    where state not in ('succeeded', 'failed', 'canceled') and (start_before is not null or finish_before is not null);

create index job_ended on job (ended_at) where ended_at is not null;

create table job_dependency (
    job_id     uuid not null references job (id),
    on_job_id  uuid not null references job (id),
    kind       text not null check (kind in ('job', 'frame')),
    seen_seq   bigint not null default -1,
    primary key (job_id, on_job_id),
    constraint job_dependency_on_another check (job_id <> on_job_id)
);

create index job_dependency_on on job_dependency (on_job_id);
-- seen_seq: the event of the other job up to which its frames have been let through; of kind frame only.

create table job_block (
    job_id      uuid not null references job (id),
    node        text not null,
    pipeline    text not null,
    failures    integer not null default 0 check (failures >= 0),
    blocked_at  timestamptz,
    primary key (job_id, node, pipeline)
);
-- A node on which this job keeps failing; blocked_at: when it had failed too often. Deleting the row resets it.

create table licence (
    name      text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    capacity  integer not null check (capacity >= 0)
);

create table node (
    cluster_id  text not null,
    name        text not null,
    disabled    boolean not null default false,
    reason      text,
    updated_at  timestamptz not null default now(),
    primary key (cluster_id, name)
);
-- Only nodes that somebody has said something about; a disabled one gets no work.

alter table replica
    add column disabled         boolean not null default false,
    add column disabled_reason  text,
    add column frames           bigint not null default 0,
    add column failures         bigint not null default 0,
    add column ray_node         text,
    add column drain_reason     text,
    add column drain_by         timestamptz;
-- drain_by: when its machine goes; a frame that renders then is given back.

alter table replica add column alike bigint generated always as (
    jsonb_hash_extended(labels, 1) # jsonb_hash_extended(engines, 2) # hashtextextended(pool, 3)
        # hashtextextended(device_class, 4)
) stored;
-- alike: equal where all is equal that a job may ask for. Hashed when a replica registers, not in every plan.

create view accepting_replica as
    select id, cluster_id, pool, node, labels, engines, device_class, residents, beat_at, alike from replica
    where state = 'up' and not drain and not disabled
      and (cluster_id, node) not in (select cluster_id, name from node where disabled);
-- The one definition of who gets new work.

create index attempt_by_replica on attempt (replica_id, ended_at);

alter table work
    add column part       integer,
    add column parts      integer,
    add column gated      boolean not null default false,
    add column beyond     integer generated always as (first + count) stored,
    add constraint work_gated_is_a_range check (not gated or kind = 'range'),
    add constraint work_part_is_one_of_several check (
        (kind = 'part') = (part is not null)
        and (kind not in ('part', 'merge') or (parts between 2 and 64 and cardinality(ordinals) = 1))
        and (part is null or (part >= 0 and part < parts))
    );

-- beyond: of a range: the position behind its last. Carving leaves it as it is, so that its index needs no new entry, and
-- the ranges of one generation do not meet: in the order of beyond is in the order of first.
-- gated: of a range: its frames wait for the same frames of another job, and are not carved before.
create index work_gated on work (job_id) where gated and state = 'queued';

create unique index work_one_part on work (job_id, generation, (ordinals[1]), part)
    where kind = 'part' and state in ('queued', 'leased', 'rendering');
create unique index work_one_merge on work (job_id, generation, (ordinals[1]))
    where kind = 'merge' and state in ('queued', 'leased', 'rendering');

drop index work_tasks;
create index work_tasks on work (priority_rank, id) where state = 'queued' and kind in ('post', 'probe', 'merge');

create table part_result (
    job_id       uuid not null,
    ordinal      integer not null,
    generation   integer not null,
    part         integer not null,
    parts        integer not null,
    attempt_id   uuid not null,
    replica_id   uuid,
    storage_key  text not null,
    size_bytes   bigint not null,
    sha256       text not null,
    media_type   text not null,
    render_ms    double precision,
    warm         boolean,
    at           timestamptz not null default now(),
    primary key (job_id, ordinal, generation, part)
);

create table frame_flag (
    job_id      uuid not null,
    ordinal     integer not null,
    generation  integer not null,
    flag        text not null check (flag in ('black', 'flicker')),
    detail      text not null,
    at          timestamptz not null default now(),
    primary key (job_id, ordinal, generation, flag)
);

create table frame_look (
    job_id      uuid not null,
    ordinal     integer not null,
    generation  integer not null,
    frame       integer not null,
    mean        double precision not null check (mean between 0 and 1),
    brightest   double precision not null check (brightest between 0 and 1),
    primary key (job_id, ordinal, generation)
);
-- Luminance of a committed frame's small picture, to judge it beside its neighbours.

-- A page of a list is read from an index in its order, however many rows the job has (docs/adr/0007-table-shape.md).
create index artifact_by_age on artifact (job_id, created_at, id);
create index artifact_not_frame on artifact (job_id, kind, created_at, id) where kind <> 'frame';
create index frame_result_not_committed on frame_result (job_id, state, ordinal) where state <> 'committed';
create index work_canceled_by_job on work (job_id) where state = 'canceled';
-- A job may have a range for every second frame; who asks for what else it has passes them by.
drop index work_live_by_job;
create index work_live_by_job on work (job_id)
    where state in ('queued', 'leased', 'rendering') and kind <> 'range';
create index work_range on work (job_id, gated, generation, beyond) where kind = 'range' and state = 'queued';
create index work_loose on work (job_id) where state = 'queued' and assigned_to is null and kind in ('chunk', 'part');

-- History only grows. Its visibility map is kept fresh by a share of the rows that come, not of those that are there;
-- the queue's few rows change all the time, and dead ones must not pile up before every reader's way.
alter table frame_result set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table artifact set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table attempt set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table event set (autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
alter table work set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
alter table job set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);
alter table replica set (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 200);

create table outbox (
    id            bigserial primary key,
    event_id      bigint not null,
    job_id        uuid not null,
    target        text not null,
    state         text not null default 'queued' check (state in ('queued', 'done', 'failed')),
    attempts      integer not null default 0,
    not_before    timestamptz not null default now(),
    error         text,
    created_at    timestamptz not null default now(),
    updated_at    timestamptz not null default now(),
    unique (event_id, target)
);

create index outbox_waiting on outbox (target, job_id, id) where state = 'queued';
create index outbox_ended on outbox (updated_at) where state <> 'queued';

create table event_target (
    cluster_id  text not null,
    url         text not null,
    primary key (cluster_id, url)
);
-- Who is told of every event of a job: what the settings of each cluster say.

create function fill_outbox() returns trigger language plpgsql as $$
begin
    insert into outbox (event_id, job_id, target)
    select new.id, new.job_id, target.url from (select distinct url from event_target) as target;
    return null;
end $$;

create trigger event_fills_outbox after insert on event
    for each row when (new.job_id is not null) execute function fill_outbox();
-- A trigger, so that no statement that writes an event can forget it; the row is there if and only if the event is.

create index artifact_of_another_job on artifact (storage_key)
    where not starts_with(storage_key, 'artifacts/' || job_id::text || '/');
-- Files of reused frames: what else may name a key is found by its job. Frames that are rendered pay nothing for it.

create table loop_health (
    name        text not null,
    cluster_id  text not null,
    every_ms    double precision not null,
    ran_at      timestamptz not null,
    took_ms     double precision not null,
    handled     bigint not null default 0,
    failures    integer not null default 0,
    error       text,
    primary key (name, cluster_id)
);
-- failures: ticks that failed in a row.
