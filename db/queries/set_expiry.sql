-- Ended jobs that nobody gave an end of their outputs get the farm's, and one that ended again gets a later one. Never
-- sooner than the notice: a farm that begins to keep outputs for so long tells of each old job first.
-- A job that somebody changes at this moment is left to the next look: they may be giving it an end of their own.
with without as (
    select id, ended_at from job
    where ended_at is not null and expires_at is null and outputs_expired_at is null
      and state in ('succeeded', 'failed', 'canceled')
    order by ended_at
    limit :limit
    for no key update skip locked
), early as (
    select id, ended_at from job
    where expires_at < now() + cast(:notice as interval) and outputs_expired_at is null and expires_by_farm
      and state in ('succeeded', 'failed', 'canceled') and ended_at + cast(:kept as interval) > expires_at
    order by expires_at
    limit :limit
    for no key update skip locked
), due as (
    select * from without union all select * from early
)
update job
set expires_at = greatest(due.ended_at + cast(:kept as interval), now() + cast(:notice as interval)),
    expires_by_farm = true
from due
where job.id = due.id
