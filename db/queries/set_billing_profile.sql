-- A first customer gets reports of what is used from now on; one who takes another's place, from where those end.
insert into billing_profile (project_id, recipient, tax_id, stripe_customer, reported_until, reported_days)
values (:project_id, :recipient, :tax_id, :stripe_customer,
        case when cast(:stripe_customer as text) is not null then now() end,
        case when cast(:stripe_customer as text) is not null then (now() at time zone 'utc')::date - 1 end)
on conflict (project_id) do update set
    recipient = excluded.recipient, tax_id = excluded.tax_id, stripe_customer = excluded.stripe_customer,
    reported_until = case when excluded.stripe_customer is not null
                          then coalesce(billing_profile.reported_until, excluded.reported_until) end,
    reported_days = case when excluded.stripe_customer is not null
                         then coalesce(billing_profile.reported_days, excluded.reported_days) end,
    updated_at = now()
