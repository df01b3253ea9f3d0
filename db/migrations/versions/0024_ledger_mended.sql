-- A customer that is taken out is told what was used until then.

alter table billing_profile
    add column stops_at timestamptz,
    add check (stops_at is null or stripe_customer is not null),
    drop constraint billing_profile_stripe_customer_key;

create unique index billing_profile_of_customer on billing_profile (stripe_customer) where stops_at is null;
