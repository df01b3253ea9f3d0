-- A full bucket says what no bucket says.
with old as (
    select subject, rate_class from rate_bucket where full_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from rate_bucket using old where rate_bucket.subject = old.subject and rate_bucket.rate_class = old.rate_class
