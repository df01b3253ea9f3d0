-- Projects that are customers outside, and have used something that stands in no report. An hour is reported when it has
-- been over for five minutes: then its rows are all there.
select project_id from billing_profile as profile
where stripe_customer is not null and (
    exists (
        select from usage
        where project_id = profile.project_id and at >= profile.reported_until
          and at < date_trunc('hour', now() - interval '5 minutes', 'UTC')
    ) or exists (
        select from storage_usage where project_id = profile.project_id and day > profile.reported_days
    )
)
order by project_id
limit :limit
