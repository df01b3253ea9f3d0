-- What projects have spent in the month that runs (UTC), the dearest by name: cost of all kinds, and of it what was
-- stored and sent. Of each project three short looks by key; nothing where the farm has no price list.
with this as (
    select date_trunc('month', now() at time zone 'utc')::date as month,
           (select currency from price_list order by version desc limit 1) as currency
), spent as (
    select project.slug, this.currency, settled.cost + waiting.cost as cost, storage.cost as storage
    from project cross join this
    cross join lateral (
        select coalesce(sum(cost), 0) as cost from project_spend
        where project_id = project.id and month = this.month
    ) as settled
    cross join lateral (
        select coalesce(sum(cost - counted), 0) as cost from usage_day
        where project_id = project.id and cost > counted and day >= this.month
    ) as waiting
    cross join lateral (
        select coalesce(sum(cost), 0) as cost from storage_usage where project_id = project.id and day >= this.month
    ) as storage
    where this.currency is not null
), ranked as (
    select spent.*, row_number() over (order by cost desc, slug) <= :named and cost > 0 as is_named from spent
)
select currency, case when is_named then slug end as project, sum(cost) as cost, sum(storage) as storage
from ranked group by 1, 2
