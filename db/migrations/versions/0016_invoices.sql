-- Invoices and credit notes, whom they are for, and usage that is told to a billing service outside.

create table billing_profile (
    project_id       uuid primary key references project (id),
    recipient        text not null default '',
    tax_id           text not null default '',
    stripe_customer  text unique check (stripe_customer ~ '^cus_[A-Za-z0-9]+$'),
    reported_until   timestamptz,
    reported_days    date,
    updated_at       timestamptz not null default now(),
    check ((stripe_customer is null) = (reported_until is null)),
    check ((stripe_customer is null) = (reported_days is null))
);
-- reported_until, reported_days: up to where usage, and days of storage, stand in usage_report.

create table invoice_month (
    month      date primary key check (extract(day from month) = 1),
    since      timestamptz not null,
    until      timestamptz not null check (until > since),
    first_day  date not null,
    last_day   date not null check (last_day >= first_day),
    zone       text not null,
    at         timestamptz not null default now()
);
-- What the invoices of a month cover. Each month begins where the one before ended, whatever zone is set by then.

create table invoice_counter (
    id    smallint primary key check (id = 1),
    last  bigint not null
);
-- Not a sequence: what is rolled back leaves no gap.

create table invoice (
    serial        bigint primary key,
    number        text not null unique,
    prefix        text not null,
    kind          text not null check (kind in ('invoice', 'credit_note')),
    project_id    uuid not null references project (id),
    month         date not null references invoice_month (month),
    corrects      text references invoice (number),
    reference     text,
    reason        text not null default '',
    seller        text not null,
    seller_tax_id text not null,
    recipient     text not null,
    tax_id        text not null,
    currency      text not null,
    minor_digits  smallint not null,
    since         timestamptz not null,
    until         timestamptz not null,
    first_day     date not null,
    last_day      date not null,
    zone          text not null,
    subtotal      numeric(38, 12) not null,
    credits       numeric(38, 12) not null check (credits >= 0),
    net           numeric(38, 12) not null,
    tax_rate      numeric(9, 6) not null check (tax_rate >= 0 and tax_rate < 1),
    tax           numeric(38, 12) not null,
    total         numeric(38, 12) not null,
    note          text not null default '',
    created_by    text not null,
    issued_at     timestamptz not null default now(),
    check (net = round(subtotal - credits, minor_digits)),
    check (total = net + tax),
    check (tax = round(tax, minor_digits)),
    check ((kind = 'credit_note') = (corrects is not null)),
    check ((kind = 'credit_note') = (reference is not null))
);
create unique index invoice_of_month on invoice (project_id, month) where kind = 'invoice';
create unique index invoice_by_reference on invoice (project_id, reference) where kind = 'credit_note';
create index invoice_of_project on invoice (project_id, serial);
create index invoice_corrections on invoice (corrects) where corrects is not null;

create table invoice_line (
    serial         bigint not null references invoice (serial),
    position       integer not null,
    pool           text,
    unit           text not null check (unit in ('gpu_second', 'cpu_second', 'byte_month', 'byte_sent')),
    price_version  integer not null,
    unit_price     numeric(30, 18) not null,
    quantity       numeric(38, 12) not null,
    amount         numeric(38, 12) not null,
    primary key (serial, position)
);
-- amount: the sum of the ledger's costs, so that the lines of all invoices are the ledger.

create table usage_carry (
    project_id  uuid not null references project (id),
    unit        text not null,
    rest        numeric(38, 18) not null check (rest >= 0 and rest < 1),
    primary key (project_id, unit)
);
-- Services outside count whole units; what is left of one goes into the next report.

create table usage_report (
    id          uuid primary key default gen_random_uuid(),
    project_id  uuid not null references project (id),
    customer    text not null,
    unit        text not null,
    meter       text not null,
    value       numeric(38, 0) not null check (value > 0),
    since       timestamptz not null,
    until       timestamptz not null check (until > since),
    state       text not null default 'pending' check (state in ('pending', 'sent', 'unclear', 'failed', 'void')),
    attempts    integer not null default 0,
    due_at      timestamptz not null default now(),
    first_sent  timestamptz,
    error       text,
    replaces    uuid unique references usage_report (id),
    made_at     timestamptz not null default now(),
    ended_at    timestamptz,
    check ((state = 'pending') = (ended_at is null))
);
-- id: what the service knows the report by, so that one that comes twice counts once.
-- first_sent: since when it may be there without our knowing; null: it certainly is not.

create unique index usage_report_once on usage_report (project_id, unit, since, until) where replaces is null;
create index usage_report_due on usage_report (due_at) where state = 'pending';
create index usage_report_of_project on usage_report (project_id, made_at, id);

create trigger invoice_is_fixed before update or delete on invoice
    for each row execute function refuse_change();
create trigger invoice_line_is_fixed before update or delete on invoice_line
    for each row execute function refuse_change();
create trigger invoice_month_is_fixed before update or delete on invoice_month
    for each row execute function refuse_change();
