-- What had trouble before comes last: however much of it there is, it keeps nothing good waiting.
-- Marked as sent before they are: who dies in between must not have sent what no row tells of.
with due as (
    select id, first_sent from usage_report where state = 'pending' and due_at <= :due_by
    order by error is not null, due_at, id
    limit :limit
    for update skip locked
)
update usage_report set
    attempts = usage_report.attempts + 1, due_at = now() + cast(:lease as interval),
    first_sent = coalesce(usage_report.first_sent, now())
from due where usage_report.id = due.id
returning usage_report.id, usage_report.project_id, usage_report.customer, usage_report.meter, usage_report.value,
          usage_report.until, usage_report.attempts, due.first_sent as sent_before
