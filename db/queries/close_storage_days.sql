-- Days that are over become rows of the ledger, priced by the list that was valid when they ended.
with over as (
    delete from storage_meter where day < (now() at time zone 'utc')::date
    returning project_id, day, bytes_sent, byte_seconds + trunc(stored_bytes * greatest(extract(
        epoch from (day + 1)::timestamp at time zone 'utc' - measured_at), 0)) as byte_seconds
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
), charged as (
    insert into storage_usage (project_id, day, byte_seconds, bytes_sent, price_version, cost)
    select project_id, day, byte_seconds, bytes_sent, version, cost from priced
    returning project_id, day, cost
), spent as (
    insert into project_spend as known (project_id, month, cost)
    select project_id, date_trunc('month', day)::date, sum(cost) from charged group by 1, 2 order by 1, 2
    on conflict (project_id, month) do update set cost = known.cost + excluded.cost
)
select project_id from charged where day = (now() at time zone 'utc')::date - 1
