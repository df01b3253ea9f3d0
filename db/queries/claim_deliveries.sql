-- The oldest waiting event of each stream for one target, where it is due: what comes behind it waits for it. The
-- streams are found by hops through the index, so that a million events behind a target that is away cost no more than
-- one.
with recursive head as (
    (
        select id, stream_id, not_before from outbox
        where state = 'queued' and target = :target
          and (cast(:stream_id as uuid) is null or stream_id = cast(:stream_id as uuid))
        order by stream_id, id limit 1
    )
    union all
    select next.id, next.stream_id, next.not_before
    from head cross join lateral (
        select id, stream_id, not_before from outbox
        where state = 'queued' and target = :target and stream_id > head.stream_id
        order by stream_id, id limit 1
    ) as next
    where cast(:stream_id as uuid) is null
), due as (
    select outbox.id from outbox join head on head.id = outbox.id
    where head.not_before <= now() and outbox.state = 'queued' and outbox.not_before <= now()
    order by outbox.stream_id = outbox.public_id desc, outbox.id  -- first what somebody asked for by hand
    limit :limit
    for no key update of outbox skip locked
), claimed as (
    update outbox set attempts = outbox.attempts + 1, not_before = now() + cast(:lease as interval), updated_at = now()
    from due where outbox.id = due.id
    returning outbox.id, outbox.public_id, outbox.event_id, outbox.stream_id, outbox.attempts, outbox.spared,
              outbox.created_at
)
select claimed.id, claimed.public_id, claimed.attempts, claimed.spared, claimed.stream_id, event.job_id, event.model_id,
       job.name as job_name, claimed.event_id, event.project_id, event.seq, event.kind,
       coalesce(event.data, '{}') as data, coalesce(event.at, claimed.created_at) as at
from claimed left join event on event.id = claimed.event_id left join job on job.id = event.job_id
order by claimed.id
