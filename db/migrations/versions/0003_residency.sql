-- Models that an administrator wants loaded before a job asks for them.

alter table model add column keep_warm boolean not null default false;

create index model_kept_warm on model (created_at, id) where keep_warm;
