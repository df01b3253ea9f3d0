-- Who cuts reports of this project; another leader of before waits.
select stripe_customer, reported_until, reported_days, stops_at from billing_profile
where project_id = :project_id and stripe_customer is not null
for update
