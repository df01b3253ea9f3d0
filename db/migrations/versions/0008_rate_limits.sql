-- Unlogged: a crash of the database forgets who has spent what, which costs nobody more than one allowance; in return
-- taking tokens writes no log and waits for no disk.
create unlogged table rate_bucket (
    subject     text not null check (length(subject) <= 100),
    rate_class  text not null check (length(rate_class) <= 20),
    full_at     timestamptz not null,
    granted     integer not null,
    primary key (subject, rate_class)
);

create index rate_bucket_full on rate_bucket (full_at);
