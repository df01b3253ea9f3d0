-- Days that are over become rows of the ledger, priced by the list that was valid when they ended. A row of the ledger is
-- never changed: what was booked for a day once it was there is told as `late_bytes`.
with over as (
    delete from storage_meter
    using (
        select project_id, day from storage_meter where day < (now() at time zone 'utc')::date
        order by project_id, day
        for update
    ) as ended
    where storage_meter.project_id = ended.project_id and storage_meter.day = ended.day
    returning storage_meter.project_id, storage_meter.day, bytes_sent,
              byte_seconds + trunc(stored_bytes * greatest(extract(
                  epoch from (storage_meter.day + 1)::timestamp at time zone 'utc' - measured_at), 0)) as byte_seconds
), late as (
    select over.project_id, sum(over.bytes_sent)::bigint as bytes
    from over join storage_usage on storage_usage.project_id = over.project_id and storage_usage.day = over.day
    where over.bytes_sent > 0
    group by over.project_id
), priced as (
    select over.*, price.version,
           round(
               over.byte_seconds * coalesce(price.byte_month, 0)
               / (86400 * extract(day from date_trunc('month', over.day) + interval '1 month' - interval '1 day')), 12
           ) + over.bytes_sent * coalesce(price.byte_sent, 0) as cost
    from over left join price on price.pool = '*' and price.version = (
        select version from price_list where valid_from <= (over.day + 1)::timestamp at time zone 'utc'
        order by valid_from desc limit 1
    )
    where not exists (
        select from storage_usage where storage_usage.project_id = over.project_id and storage_usage.day = over.day
    )
), charged as (
    insert into storage_usage (project_id, day, byte_seconds, bytes_sent, price_version, cost)
    select project_id, day, byte_seconds, bytes_sent, version, cost from priced
    returning project_id, day, cost
), spent as (
    insert into project_spend as known (project_id, month, cost)
    select project_id, date_trunc('month', day)::date, sum(cost) from charged group by 1, 2 order by 1, 2
    on conflict (project_id, month) do update set cost = known.cost + excluded.cost
)
select project_id, carried.day is not null as carried, coalesce(late.bytes, 0) as late_bytes
from (select project_id, day from charged where day = (now() at time zone 'utc')::date - 1) as carried
full join late using (project_id)
order by project_id
