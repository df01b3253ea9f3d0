-- What a project had stored on days that are over.
select day, byte_seconds, bytes_sent, price_version, cost from storage_usage
where project_id = :project_id and day between :since and :until
order by day
