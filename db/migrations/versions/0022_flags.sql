-- A job may name whom to tell of its end: people of its project, and one of its webhooks. The names stand in its spec.
create or replace function fill_outbox() returns trigger language plpgsql as $$
declare
    is_end boolean := new.kind = 'job.state' and new.data ->> 'state' in ('succeeded', 'failed', 'canceled');
    named uuid;
begin
    if new.job_id is not null then
        insert into outbox (event_id, stream_id, target)
        select new.id, new.job_id, target.url from (select distinct url from event_target) as target;
    end if;
    if is_end then
        select cast(spec #>> '{notify,webhook}' as uuid) into named from job where id = new.job_id;
    end if;
    insert into outbox (event_id, stream_id, target, webhook_id)
    select new.id, coalesce(new.job_id, new.model_id, new.project_id), 'webhook:' || id::text, id
    from webhook
    where project_id = new.project_id and enabled
      and (id = named
           or (kinds = '{}' or new.kind = any(kinds)) and (format = 'standard' or new.kind <> 'job.state' or is_end));
    return null;
end $$;

-- Whom a job names is written to although they asked for nothing, for as long as they may see it.
create or replace function fill_mail() returns trigger language plpgsql as $$
declare
    wish text := case when new.kind = 'job.state' then 'job.' || (new.data ->> 'state') else new.kind end;
    named text[] := '{}';
begin
    if wish in ('job.succeeded', 'job.failed', 'job.canceled') then
        select array(select jsonb_array_elements_text(spec #> '{notify,email}')) into named
        from job where id = new.job_id;
        insert into mail_box (account_id, kinds)
        select id, '{}' from account where email = any(named) and kind = 'person'
        on conflict (account_id) do nothing;
    end if;
    insert into mail_notice (account_id, event_id)
    select account.id, new.id
    from mail_box join account on account.id = mail_box.account_id
    left join member on member.account_id = account.id and member.project_id = new.project_id
    where account.kind = 'person' and account.disabled_at is null
      and case when new.job_id is null then wish = any(mail_box.kinds) and member.role = 'manager'
               else (account.email = any(named)
                     or wish = any(mail_box.kinds)
                        and account.email = (select submitted_by from job where id = new.job_id))
                    and (member.role is not null or account.farm_role is not null) end;
    return null;
end $$;

-- Switches of single features. Which there are, the code says; a flag without a row is as the code declares it.
create table feature_flag (
    name        text primary key,
    enabled     boolean not null,
    projects    uuid[] not null default '{}',
    percent     smallint not null default 100 check (percent between 0 and 100),
    note        text not null default '',
    changed_by  text not null,
    changed_at  timestamptz not null default now()
);
