-- Chat: a webhook whose posts are words for people. They are not signed, so it has no secret of ours.

alter table webhook
    add column format text not null default 'standard'
        check (format in ('standard', 'slack', 'discord', 'teams', 'mattermost')),
    alter column salt drop not null,
    alter column key_id drop not null,
    add check ((format = 'standard') = (salt is not null)),
    add check ((salt is null) = (key_id is null)),
    add check (format = 'standard' or previous_salt is null),
    add check (format = 'standard' or kinds <> '{}');

-- People are told how a job ended, and not each state on its way there.
create or replace function fill_outbox() returns trigger language plpgsql as $$
begin
    if new.job_id is not null then
        insert into outbox (event_id, stream_id, target)
        select new.id, new.job_id, target.url from (select distinct url from event_target) as target;
    end if;
    insert into outbox (event_id, stream_id, target, webhook_id)
    select new.id, coalesce(new.job_id, new.model_id, new.project_id), 'webhook:' || id::text, id
    from webhook
    where project_id = new.project_id and enabled and (kinds = '{}' or new.kind = any(kinds))
      and (format = 'standard' or new.kind <> 'job.state'
           or new.data ->> 'state' in ('succeeded', 'failed', 'canceled'));
    return null;
end $$;
