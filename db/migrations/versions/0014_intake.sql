-- Messages of a queue that became jobs. The row is written with its job, so that a message which comes again finds it.

create table intake_message (
    source      text not null,
    dedup_id    text not null,
    digest      text not null,
    message_id  text not null,
    label       text,
    job_id      uuid references job (id),
    created_at  timestamptz not null default now(),
    primary key (source, dedup_id)
);

create index intake_message_job on intake_message (job_id);
create index intake_message_age on intake_message (created_at);

create table result_target (
    cluster_id  text not null,
    arn         text not null,
    primary key (cluster_id, arn)
);

create table job_result_target (
    job_id  uuid not null references job (id),
    arn     text not null,
    primary key (job_id, arn)
);

-- A trigger of its own, so that it and the one of webhooks change apart: only an event that ends a job costs a look.
create function fill_outbox_with_results() returns trigger language plpgsql as $$
begin
    insert into outbox (event_id, stream_id, target)
    select new.id, new.job_id, arn from job_result_target where job_id = new.job_id;
    return null;
end $$;

create trigger event_ends_job after insert on event for each row
when (new.kind = 'job.state' and new.data ->> 'state' in ('succeeded', 'failed', 'canceled'))
execute function fill_outbox_with_results();
