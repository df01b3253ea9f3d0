-- Of whoever verifies it: one that lost its lease meanwhile renews and ends nothing.
alter table upload add column verification uuid;

-- Since when nobody sent it: the guard of the sweep. created_at is when the project got it, from which its bytes count.
alter table project_blob add column sent_at timestamptz not null default now();
