-- Outputs of a job end at `expires_at`, told beforehand; the rows of the job and of its artifacts outlive the files.

alter table job
    add column expires_at timestamptz,
    add column expires_by_farm boolean not null default false,
    add column expiry_told_for timestamptz,
    add column outputs_expired_at timestamptz,
    add constraint job_expired_once_ended check (
        outputs_expired_at is null or state in ('succeeded', 'failed', 'canceled')
    );

alter table artifact add column deleted_at timestamptz;

create index job_by_expiry on job (expires_at) where expires_at is not null and outputs_expired_at is null;
create index job_without_expiry on job (ended_at)
    where ended_at is not null and expires_at is null and outputs_expired_at is null;
