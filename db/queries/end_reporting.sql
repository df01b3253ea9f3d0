-- Who was taken out as a customer is none any more once all that was used until then stands in reports.
update billing_profile set stripe_customer = null, stops_at = null, reported_until = null, reported_days = null
where project_id = :project_id and stops_at <= date_trunc('hour', now() - cast(:settled as interval), 'UTC')
  and not exists (
      select from storage_meter
      where storage_meter.project_id = billing_profile.project_id and day < (stops_at at time zone 'utc')::date
  )
