-- Hand over to the months of projects what their ledgers have added since the last time. A sum that a commit holds is
-- left for the next time; until it is handed over, the view project_money counts it where it stands.
with due as materialized (
    select job_id, day, pool, project_id, cost - counted as cost from usage_day
    where cost > counted
    order by job_id, day, pool
    limit :batch
    for no key update skip locked
), counted as (
    update usage_day set counted = usage_day.counted + due.cost from due
    where usage_day.job_id = due.job_id and usage_day.day = due.day and usage_day.pool = due.pool
), spent as (
    insert into project_spend as known (project_id, month, cost)
    select project_id, date_trunc('month', day)::date, sum(cost) from due group by 1, 2 order by 1, 2
    on conflict (project_id, month) do update set cost = known.cost + excluded.cost
)
select count(*) from due
