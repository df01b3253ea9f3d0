-- One beat: the replica lives, and the leases that it names are renewed by the database's clock. One that it does not
-- name (its claim's answer was lost) runs out. Rows are locked in order of id; whoever else locks several of them skips
-- what is locked. The replica's own row comes last, as for a commit or a failure, which count on it.
with mine as (
    select work.id, work.fence, work.job_id from work
    where work.replica_id = :replica_id and work.state in ('leased', 'rendering')
      and exists (select from replica where replica.id = :replica_id and replica.state <> 'gone')
      and (work.id, work.fence) in (
          select * from unnest(cast(:work_ids as bigint[]), cast(:fences as bigint[]))
      )
    order by work.id
    for no key update
), alive as (
    update replica set
        beat_at = now(), residents = cast(:residents as jsonb), current = cast(:current as jsonb),
        state = case when drain then 'draining' else 'up' end
    where id = :replica_id and state <> 'gone' and (select count(*) from mine) >= 0
    returning drain, drain_reason, extract(epoch from drain_by - now())::double precision as drain_within_s
), renewed as (
    update work set leased_until = now() + cast(:lease as interval)
    from mine where work.id = mine.id and exists (select from alive)
)
select alive.drain, alive.drain_reason, alive.drain_within_s, mine.id as work_id, mine.fence,
       job.state in ('canceling', 'succeeded', 'failed', 'canceled') as canceled,
       (select reason from stopped_project as stopped where stopped.project_id = job.project_id) as stopped
from alive left join mine on true left join job on job.id = mine.job_id
