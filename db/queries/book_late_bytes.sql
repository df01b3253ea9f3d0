-- Bytes that were booked for a day once it was in the ledger, whose rows are never changed: they count for the day that
-- runs. It follows the measuring of that day, which begins it.
insert into storage_meter as known (project_id, day, bytes_sent)
select late.project_id, (now() at time zone 'utc')::date, late.bytes
from unnest(cast(:projects as uuid[]), cast(:bytes as bigint[])) as late (project_id, bytes)
order by late.project_id
on conflict (project_id, day) do update set bytes_sent = known.bytes_sent + excluded.bytes_sent
