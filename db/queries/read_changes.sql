-- Jobs and replicas that may look otherwise than when a transaction saw `horizon` (the oldest transaction that was
-- running then), and the horizon of now. Whatever was written since has a younger xmin; work is never deleted, and what
-- takes work out of the live rows writes to its job's row. Beside those, jobs of which more counts than their own rows:
-- chunks that wait for a time, frames in parts, a frame time that another job's frames make, a blocklist.
-- Not every replica that lost work is named: one that goes on with its next chunk is, and so is one that beats.
-- age() is a comparison of 32-bit transaction ids that knows of their wrap-around.
with written as materialized (
    select job_id, coalesce(replica_id, assigned_to) as replica_id from work
    where kind in ('chunk', 'part', 'range') and state in ('queued', 'leased', 'rendering')
      and age(xmin) <= (select age(cast(cast(:horizon as xid8) as xid)))
)
select cast(pg_snapshot_xmin(pg_current_snapshot()) as text) as horizon,
       array(
           select job_id from written
           union
           select job_id from work where kind in ('chunk', 'part') and state = 'queued' and assigned_to is null
           union
           select id from job
           where state not in ('succeeded', 'failed', 'canceled')
             and (age(xmin) <= (select age(cast(cast(:horizon as xid8) as xid))) or split_parts > 1
                  or (render_count = 0 and render_key is not null))
           union
           select id from job where ended_at > now() - cast(:whole_every as interval) - interval '1 minute'
           union
           select job_id from job_block where blocked_at is not null
       )::text[] as jobs,
       array(
           select replica_id from written where replica_id is not null
           union
           select id from replica
           where cluster_id = :cluster_id and age(xmin) <= (select age(cast(cast(:horizon as xid8) as xid)))
       )::text[] as replicas
