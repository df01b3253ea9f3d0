-- Projects that are customers outside, and have used something that stands in no report, or are to be one no more. An
-- hour is reported when its rows are all there.
select project_id from billing_profile as profile
where stripe_customer is not null and (
    exists (
        select from usage
        where project_id = profile.project_id and at >= profile.reported_until
          and at < least(date_trunc('hour', now() - cast(:settled as interval), 'UTC'), profile.stops_at)
    ) or exists (
        select from storage_usage
        where project_id = profile.project_id and day > profile.reported_days
          and (profile.stops_at is null or day < (profile.stops_at at time zone 'utc')::date)
    ) or stops_at <= date_trunc('hour', now() - cast(:settled as interval), 'UTC')
)
order by project_id
limit :limit
