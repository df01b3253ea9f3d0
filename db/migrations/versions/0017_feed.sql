-- Feeds over many jobs. The numbers of their events do not tell in which order they were committed, so a feed goes by the
-- transaction that wrote each: it tells those older than every transaction that still runs, and so skips none that commits
-- late. Events of before share one number and keep the order of their ids.

alter table event add column xid xid8 not null default pg_current_xact_id();

create index event_in_order on event (xid, id);
create index event_of_project on event (project_id, xid, id);
