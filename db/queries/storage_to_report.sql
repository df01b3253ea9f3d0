-- The first day of storage that stands in no report; of a customer that is none any more, those that were over by then.
select day, day::timestamp at time zone 'utc' as since, (day + 1)::timestamp at time zone 'utc' as until,
       byte_seconds, cost
from storage_usage
where project_id = :project_id and day > :after
  and day < coalesce((cast(:stops_at as timestamptz) at time zone 'utc')::date, 'infinity')
order by day
limit 1
