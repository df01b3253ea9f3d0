-- How people find jobs again. What the spec says is what was asked for; these columns are as it is now.
alter table job
    add column tags          text[] not null default '{}' check (cardinality(tags) <= 20),
    add column show          text,
    add column shot          text,
    add column submitted_by  text,
    add constraint job_shot_is_of_a_show check (shot is null or show is not null);

-- A page of a list costs what the page costs: each order and each filter that may name few of many jobs has its index.
-- None of these columns is written with a commit of frames, so those updates stay off the indexes.
create index job_by_state on job (project_id, state, created_at desc, id desc);
create index job_by_end on job (project_id, ended_at desc, id desc) where ended_at is not null;
create index job_by_name on job (project_id, name, id);
create index job_by_model on job (project_id, model_id, created_at desc, id desc);
create index job_by_pipeline on job (project_id, (spec ->> 'pipeline'), created_at desc, id desc);
create index job_by_submitter on job (project_id, submitted_by, created_at desc, id desc)
    where submitted_by is not null;
create index job_by_show on job (project_id, show, shot, created_at desc, id desc) where show is not null;
create index job_by_tag on job using gin (tags);
create index model_by_project on model (project_id, created_at desc, id desc);
create index model_by_name on model (project_id, name, id);

-- "The name contains": by trigrams, where the server has them. Without, such a search reads the project's jobs in turn.
do $$
begin
    create extension if not exists pg_trgm;
    create index job_name_parts on job using gin (name gin_trgm_ops);
exception when insufficient_privilege or undefined_file or undefined_object or feature_not_supported then
    raise notice 'pg_trgm is not there: searching jobs by a part of their name reads all jobs of the project';
end $$;
