-- Usage, priced when it happens; budgets, credits and quotas. Money is an exact decimal of the currency's main unit.

create table price_list (
    version     integer generated always as identity primary key,
    currency    text not null check (currency ~ '^[A-Z]{3}$'),
    valid_from  timestamptz not null unique,
    note        text not null default '',
    created_by  text not null,
    created_at  timestamptz not null default now()
);

create table price (
    version     integer not null references price_list (version),
    pool        text not null,
    gpu_second  numeric(30, 18) not null default 0 check (gpu_second >= 0),
    cpu_second  numeric(30, 18) not null default 0 check (cpu_second >= 0),
    byte_month  numeric(30, 18) not null default 0 check (byte_month >= 0),
    byte_sent   numeric(30, 18) not null default 0 check (byte_sent >= 0),
    primary key (version, pool),
    check (pool = '*' or (byte_month = 0 and byte_sent = 0))  -- what is stored is in no pool
);
-- The pool '*' is for those that have no row of their own.

create view price_now as
    select price.version, price.pool, price.gpu_second, price.cpu_second, price.byte_month, price.byte_sent
    from price
    where version = (select version from price_list where valid_from <= now() order by valid_from desc limit 1);

create table usage (
    project_id     uuid not null,
    job_id         uuid not null,
    kind           text not null check (kind in ('frame', 'part', 'merge', 'post')),
    number         bigint not null,
    generation     integer not null,
    part           smallint not null default 0,
    frame          integer,
    attempt_id     uuid,
    pool           text not null,
    gpu_us         bigint not null check (gpu_us >= 0),
    cpu_us         bigint not null check (cpu_us >= 0),
    stored_bytes   bigint not null check (stored_bytes >= 0),
    price_version  integer,
    cost           numeric(38, 12) not null check (cost >= 0),
    at             timestamptz not null default now(),
    primary key (job_id, number, generation, part, kind),
    check ((kind = 'post') = (attempt_id is null))
);
-- number: the frame's ordinal; of a post step, its work row. The key is what no second charge gets past.

create index usage_of_project on usage (project_id, at);

create table usage_day (
    project_id    uuid not null,
    job_id        uuid not null,
    day           date not null,
    pool          text not null,
    frames        bigint not null default 0,
    gpu_us        bigint not null default 0,
    cpu_us        bigint not null default 0,
    stored_bytes  bigint not null default 0,
    wasted_us     bigint not null default 0,
    cost          numeric(38, 12) not null default 0,
    counted       numeric(38, 12) not null default 0,
    primary key (job_id, day, pool),
    check (counted <= cost)
);
-- Sums of usage by job, day (UTC) and pool, kept by the transactions that write it, under their job's lock.
-- counted: how much of the cost stands in project_spend already.

create index usage_day_of_project on usage_day (project_id, day);
create index usage_day_uncounted on usage_day (project_id) where cost > counted;

create table storage_usage (
    project_id     uuid not null,
    day            date not null,
    byte_seconds   numeric(38, 0) not null check (byte_seconds >= 0),
    bytes_sent     bigint not null default 0 check (bytes_sent >= 0),
    price_version  integer,
    cost           numeric(38, 12) not null check (cost >= 0),
    at             timestamptz not null default now(),
    primary key (project_id, day)
);
-- One row for each day that is over.

create table storage_meter (
    project_id    uuid not null,
    day           date not null,
    byte_seconds  numeric(38, 0) not null default 0,
    bytes_sent    bigint not null default 0,
    stored_bytes  bigint not null default 0,
    measured_at   timestamptz not null default now(),
    primary key (project_id, day)
);
-- The day that runs, while it runs; it becomes a row of storage_usage.

create table project_spend (
    project_id  uuid not null,
    month       date not null,
    cost        numeric(38, 12) not null,
    primary key (project_id, month)
);

create table billing (
    project_id    uuid primary key references project (id),
    budget        numeric(38, 12) check (budget >= 0),
    period        text not null default 'month' check (period in ('month', 'total')),
    prepaid       boolean not null default false,
    credits_used  numeric(38, 12) not null default 0,
    unpaid        numeric(38, 12) not null default 0,
    updated_at    timestamptz not null default now()
);
-- While prepaid, credits pay for all that was spent but `unpaid`; otherwise `credits_used` is what they have paid for.

create table credit (
    id          bigint generated always as identity primary key,
    project_id  uuid not null references project (id),
    amount      numeric(38, 12) not null check (amount <> 0),
    reference   text not null,
    note        text not null default '',
    created_by  text not null,
    at          timestamptz not null default now(),
    unique (project_id, reference)
);

create table money_alert (
    project_id  uuid not null,
    key         text not null,
    at          timestamptz not null default now(),
    primary key (project_id, key)
);
-- What has been told of a budget or of credits, so that it is told once.

create table project_quota (
    project_id        uuid primary key references project (id),
    slots             integer check (slots >= 0),
    running_jobs      integer check (running_jobs >= 0),
    queued_frames     bigint check (queued_frames >= 0),
    pixels_per_frame  bigint check (pixels_per_frame >= 0),
    pixels_per_job    numeric(38, 0) check (pixels_per_job >= 0),
    stored_bytes      bigint check (stored_bytes >= 0),
    updated_at        timestamptz not null default now()
);

create view project_money as
    select billing.project_id, billing.budget, billing.period, billing.prepaid,
           case when billing.period = 'month' then this.month end as period_start,
           case when billing.period = 'month' then this_month.cost else ever.cost end as spent,
           credits.added - case when billing.prepaid then ever.cost - billing.unpaid else billing.credits_used end
               as balance,
           ever.cost as spent_ever
    from billing
    cross join lateral (select date_trunc('month', now() at time zone 'utc')::date as month) as this
    cross join lateral (
        select (select coalesce(sum(cost), 0) from project_spend where project_id = billing.project_id)
             + (select coalesce(sum(cost - counted), 0) from usage_day
                where project_id = billing.project_id and cost > counted) as cost
    ) as ever
    cross join lateral (
        select (select coalesce(sum(cost), 0) from project_spend
                where project_id = billing.project_id and month = this.month)
             + (select coalesce(sum(cost - counted), 0) from usage_day
                where project_id = billing.project_id and cost > counted and day >= this.month) as cost
    ) as this_month
    cross join lateral (
        select coalesce(sum(amount), 0) as added from credit where project_id = billing.project_id
    ) as credits;
-- From committed rows alone, so that it is true while no loop runs.

create view stopped_project as
    select project_id, case when budget is not null and spent >= budget then 'budget' else 'credits' end as reason
    from project_money
    where (budget is not null and spent >= budget) or (prepaid and balance <= 0);
-- The one definition of whose work starts no more.

create function refuse_change() returns trigger language plpgsql as $$
begin
    raise exception using
        message = 'Rows of ' || tg_table_name || ' are never changed.', errcode = 'restrict_violation';
end $$;

create trigger price_list_is_fixed before update or delete on price_list
    for each row execute function refuse_change();
create trigger price_is_fixed before update or delete on price
    for each row execute function refuse_change();
create trigger usage_is_fixed before update or delete on usage
    for each row execute function refuse_change();
create trigger storage_usage_is_fixed before update or delete on storage_usage
    for each row execute function refuse_change();
create trigger credit_is_fixed before update or delete on credit
    for each row execute function refuse_change();
