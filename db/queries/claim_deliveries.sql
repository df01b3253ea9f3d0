-- The oldest waiting event of each job for one target, where it is due: what comes behind it waits for it. The jobs are
-- found by hops through the index, so that a million events behind a target that is away cost no more than one.
with recursive head as (
    (
        select id, job_id, not_before from outbox
        where state = 'queued' and target = :target
          and (cast(:job_id as uuid) is null or job_id = cast(:job_id as uuid))
        order by job_id, id limit 1
    )
    union all
    select next.id, next.job_id, next.not_before
    from head cross join lateral (
        select id, job_id, not_before from outbox
        where state = 'queued' and target = :target and job_id > head.job_id
        order by job_id, id limit 1
    ) as next
    where cast(:job_id as uuid) is null
), due as (
    select outbox.id from outbox join head on head.id = outbox.id
    where head.not_before <= now() and outbox.state = 'queued' and outbox.not_before <= now()
    order by outbox.id
    limit :limit
    for no key update of outbox skip locked
), claimed as (
    update outbox set attempts = outbox.attempts + 1, not_before = now() + cast(:lease as interval), updated_at = now()
    from due where outbox.id = due.id
    returning outbox.id, outbox.event_id, outbox.job_id, outbox.attempts
)
select claimed.id, claimed.attempts, claimed.job_id, event.id as event_id, event.project_id, event.seq, event.kind,
       event.data, event.at
from claimed join event on event.id = claimed.event_id
order by claimed.id
