-- The money of one project. What is in the view only where somebody has set something is added up here for the rest.
select money.budget, coalesce(money.period, 'month') as period,
       case when money.project_id is null then date_trunc('month', now() at time zone 'utc')::date
            else money.period_start end as period_start,
       coalesce(money.spent, (
           select coalesce(sum(cost), 0) from project_spend
           where project_id = project.id and month = date_trunc('month', now() at time zone 'utc')::date
       ) + (
           select coalesce(sum(cost - counted), 0) from usage_day
           where project_id = project.id and cost > counted
             and day >= date_trunc('month', now() at time zone 'utc')::date
       )) as spent,
       coalesce(money.spent_ever, (select coalesce(sum(cost), 0) from project_spend where project_id = project.id) + (
           select coalesce(sum(cost - counted), 0) from usage_day where project_id = project.id and cost > counted
       )) as spent_ever,
       coalesce(money.prepaid, false) as prepaid, coalesce(money.balance, 0) as balance, stopped.reason as stopped
from project
left join project_money as money on money.project_id = project.id
left join stopped_project as stopped on stopped.project_id = project.id
where project.id = :project_id
