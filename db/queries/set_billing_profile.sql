-- What is null is left as it is; a customer is one where one was named. A first customer gets reports of what is used from
-- now on; one who takes another's place, from where those end. One who is taken out is told what was used until now:
-- end_reporting does the rest. A stop that nobody has carried out for a day (Stripe is told nothing here) is over.
insert into billing_profile as known (project_id, recipient, tax_id, stripe_customer, reported_until, reported_days)
values (:project_id, coalesce(cast(:recipient as text), ''), coalesce(cast(:tax_id as text), ''), :stripe_customer,
        case when cast(:stripe_customer as text) is not null then now() end,
        case when cast(:stripe_customer as text) is not null then (now() at time zone 'utc')::date - 1 end)
on conflict (project_id) do update set
    recipient = coalesce(cast(:recipient as text), known.recipient),
    tax_id = coalesce(cast(:tax_id as text), known.tax_id),
    stripe_customer = coalesce(excluded.stripe_customer, known.stripe_customer),
    stops_at = case when not :names_customer then known.stops_at
                    when excluded.stripe_customer is null and known.stripe_customer is not null
                    then coalesce(known.stops_at, now()) end,
    reported_until = case when excluded.stripe_customer is not null and known.stops_at < now() - interval '1 day'
                          then excluded.reported_until
                          else coalesce(known.reported_until, excluded.reported_until) end,
    reported_days = case when excluded.stripe_customer is not null and known.stops_at < now() - interval '1 day'
                         then excluded.reported_days
                         else coalesce(known.reported_days, excluded.reported_days) end,
    updated_at = now()
