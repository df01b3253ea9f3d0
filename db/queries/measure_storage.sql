-- Write down what each project had stored at the time of the look. From the look before until this one it is taken to have
-- been what was found then; `carried` were looked at yesterday.
with today as (
    select (now() at time zone 'utc')::date as day,
           (now() at time zone 'utc')::date::timestamp at time zone 'utc' as midnight
), stored as (
    select found.project_id, found.bytes, found.project_id = any(cast(:carried as uuid[])) as carried,
           greatest(cast(:at as timestamptz), today.midnight) as at, today.day, today.midnight
    from unnest(cast(:projects as uuid[]), cast(:bytes as bigint[])) as found (project_id, bytes) cross join today
)
insert into storage_meter as known (project_id, day, byte_seconds, stored_bytes, measured_at)
select project_id, day, case when carried then trunc(bytes * extract(epoch from at - midnight)) else 0 end, bytes, at
from stored
where bytes > 0 or carried
   or exists (
       select from storage_meter where storage_meter.project_id = stored.project_id and storage_meter.day = stored.day
   )
order by project_id
on conflict (project_id, day) do update set
    byte_seconds = known.byte_seconds
        + trunc(known.stored_bytes * greatest(extract(epoch from excluded.measured_at - known.measured_at), 0)),
    stored_bytes = excluded.stored_bytes, measured_at = greatest(known.measured_at, excluded.measured_at)
