-- Maintenance is one row: the farm is read-only or it is not. With `drain` nothing is handed out either, which every
-- statement that asks whose work is stopped learns from the view.

create table maintenance (
    id      boolean primary key default true check (id),
    active  boolean not null default false,
    drain   boolean not null default false,
    message text not null default '' check (length(message) <= 500),
    since   timestamptz,
    set_by  text,
    check (active = (since is not null)),
    check (active or not drain)
);
-- No row: it has never been under maintenance.

create or replace view stopped_project as
    select id as project_id, 'maintenance' as reason
    from project
    where exists (select from maintenance where drain)
    union all
    select project_id, case when budget is not null and spent >= budget then 'budget' else 'credits' end as reason
    from project_money
    where ((budget is not null and spent >= budget) or (prepaid and balance <= 0))
      and not exists (select from maintenance where drain);

-- When machines may render. What a schedule has disabled it enables again; what an operator has, it leaves.

create table worker_schedule (
    name       text primary key check (name ~ '^[a-z0-9][a-z0-9._-]{0,62}$'),
    schedule   jsonb not null,
    set_by     text not null,
    updated_at timestamptz not null default now()
);

alter table node add column disabled_by text not null default 'operator'
    check (disabled_by in ('operator', 'schedule'));
