-- The service forgets identifiers: what may be there since before then is not sent again by itself. And it takes nothing
-- that is too old.
update usage_report set
    state = case when first_sent is null then 'failed' else 'unclear' end, ended_at = now(),
    error = coalesce(error, 'It was not known whether the report had arrived.')
where state = 'pending'
  and (first_sent < now() - cast(:remembered as interval) or until < now() - cast(:oldest as interval))
returning project_id
