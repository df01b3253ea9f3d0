-- Where a frame stands: the last word of it in the replica's own row, and each word on a channel, for those who watch.
-- The lock puts it in order with whatever ends the frame or takes it away: who comes late finds no row and tells nobody.
with mine as (
    select work.id, work.job_id from work
    where work.id = :work_id and work.fence = :fence and work.replica_id = :replica_id and work.state = 'rendering'
      and :ordinal = any(work.ordinals)
    for share
), kept as (
    update replica set current = cast(:current as jsonb)
    where id = :replica_id and state <> 'gone' and exists (select from mine)
    returning id
)
select pg_notify(
    :channel,
    (cast(:told as jsonb) || jsonb_build_object('replica', kept.id, 'seq', job.event_seq, 'at', now()))::text
)
from mine cross join kept join job on job.id = mine.job_id
