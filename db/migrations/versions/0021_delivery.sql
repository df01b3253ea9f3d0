-- Buckets of projects' own, and each file on its way into one. Of a secret key there is only the sealed form.

create table destination (
    id             uuid primary key,
    project_id     uuid not null references project (id),
    name           text not null check (length(name) between 1 and 63),
    bucket         text not null,
    prefix         text not null default '',
    region         text not null,
    endpoint_url   text,
    access_key_id  text not null,
    secret         bytea not null,
    key_id         text not null,
    is_default     boolean not null default false,
    revision       integer not null default 1,
    failures       integer not null default 0,
    failing_since  timestamptz,
    rests_until    timestamptz,
    error          text,
    created_by     text not null,
    created_at     timestamptz not null default now(),
    updated_at     timestamptz not null default now()
);

create unique index destination_name on destination (project_id, name);
create unique index destination_default on destination (project_id) where is_default;
create index destination_project on destination (project_id, created_at, id);

-- No foreign key: deleting a destination must not wait for every job that named it.
alter table job
    add column destination_id uuid,
    add column delivery_open boolean not null default false;

create index job_delivery_open on job (id) where delivery_open;

-- One row for each file that the customer sees: a frame that is rendered again takes the row of the one before.
create table delivery (
    id              bigint generated always as identity primary key,
    project_id      uuid not null,
    job_id          uuid not null references job (id),
    destination_id  uuid not null,
    kind            text not null,
    ordinal         integer,
    name            text not null,
    generation      integer not null,
    artifact_id     uuid not null,
    size_bytes      bigint not null,
    path            text,
    state           text not null default 'queued' check (state in ('queued', 'delivered', 'failed')),
    copying         boolean not null default false,
    attempts        integer not null default 0,
    failures        integer not null default 0,
    error           text,
    not_before      timestamptz not null default now(),
    queued_at       timestamptz not null default now(),
    created_at      timestamptz not null default now(),
    updated_at      timestamptz not null default now(),
    delivered_at    timestamptz,
    check ((state = 'delivered') = (delivered_at is not null)),
    check (state = 'queued' or not copying)
);

create unique index delivery_file on delivery (job_id, kind, ordinal, name) nulls not distinct;
create index delivery_due on delivery (destination_id, not_before, id) where state = 'queued';
create index delivery_of_job on delivery (job_id, id);
create index delivery_waiting on delivery (job_id) where state = 'queued';
create index delivery_path on delivery (job_id, path);

-- Every file that a job with a destination commits, in the transaction that commits it. What is being copied keeps its
-- lease: the newer file is copied behind it, so that the older one never lands last.
create function fill_deliveries() returns trigger language plpgsql as $$
declare
    wanted record;
begin
    for wanted in
        select job.id, job.destination_id from job
        where job.id = any(array(select distinct job_id from added)) and job.destination_id is not null
    loop
        continue when not exists (select from destination where id = wanted.destination_id);
        insert into delivery as known (project_id, job_id, destination_id, kind, ordinal, name, generation, artifact_id,
                                       size_bytes)
        select distinct on (kind, ordinal, name) project_id, job_id, wanted.destination_id, kind, ordinal, name,
               generation, id, size_bytes
        from added
        where job_id = wanted.id and kind in ('frame', 'extra', 'video')
        order by kind, ordinal, name, generation desc, id
        on conflict (job_id, kind, ordinal, name) do update set
            destination_id = excluded.destination_id, generation = excluded.generation,
            artifact_id = excluded.artifact_id, size_bytes = excluded.size_bytes, state = 'queued', failures = 0,
            error = null, delivered_at = null, queued_at = now(), updated_at = now(),
            not_before = case when known.copying then known.not_before else now() end
        where known.generation <= excluded.generation;
        if found then
            update job set delivery_open = true where id = wanted.id and not delivery_open;
        end if;
    end loop;
    return null;
end $$;

create trigger artifact_fills_deliveries after insert on artifact
    referencing new table as added for each statement execute function fill_deliveries();
