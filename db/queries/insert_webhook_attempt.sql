-- Not where the row has gone meanwhile.
insert into webhook_attempt (outbox_id, attempt, at, duration_ms, status, answer, error)
select id, :attempt, now() - make_interval(secs => :duration_ms / 1000.0), :duration_ms, cast(:status as integer),
       :answer, cast(:error as text)
from outbox where id = :id
on conflict do nothing
