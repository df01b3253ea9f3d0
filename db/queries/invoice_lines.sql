-- The ledger of a project in a time, by pool, unit and version of the prices. Each row of it is in one line.
with used as (
    select pool, case when gpu_us > 0 then 'gpu_second' else 'cpu_second' end as unit, price_version,
           sum(gpu_us + cpu_us) / 1000000.0 as quantity, sum(cost) as amount
    from usage
    where project_id = :project_id and at >= :since and at < :until and price_version is not null
    group by 1, 2, 3
), stored as (
    select kept.price_version, kept.bytes_sent, kept.cost, price.byte_month, price.byte_sent,
           kept.byte_seconds
               / (86400 * extract(day from date_trunc('month', kept.day) + interval '1 month' - interval '1 day'))
               as byte_months,
           round(kept.bytes_sent * coalesce(price.byte_sent, 0), 12) as cost_of_sent
    from storage_usage as kept left join price on price.version = kept.price_version and price.pool = '*'
    where kept.project_id = :project_id and kept.day between :first_day and :last_day
      and kept.price_version is not null
), lines as (
    select used.pool, used.unit, used.price_version, used.quantity, used.amount,
           coalesce(case when used.unit = 'gpu_second' then rate.gpu_second else rate.cpu_second end, 0) as unit_price
    from used left join lateral (
        select gpu_second, cpu_second from price
        where version = used.price_version and pool in (used.pool, '*') order by pool = '*' limit 1
    ) as rate on true
    union all
    select null, 'byte_month', price_version, round(sum(byte_months), 6), sum(cost - cost_of_sent),
           coalesce(byte_month, 0)
    from stored group by price_version, byte_month
    union all
    select null, 'byte_sent', price_version, sum(bytes_sent), sum(cost_of_sent), coalesce(byte_sent, 0)
    from stored group by price_version, byte_sent
)
select pool, unit, price_version, unit_price, quantity, amount from lines
where quantity > 0 or amount > 0
order by pool nulls last, unit, price_version
