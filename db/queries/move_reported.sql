update billing_profile set reported_until = greatest(reported_until, :until), reported_days = greatest(reported_days, :day)
where project_id = :project_id
