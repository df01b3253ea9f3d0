-- The first day of storage that stands in no report.
select day, day::timestamp at time zone 'utc' as since, (day + 1)::timestamp at time zone 'utc' as until,
       byte_seconds, cost
from storage_usage where project_id = :project_id and day > :after
order by day
limit 1
