-- An event for each threshold of a budget that has been passed, and for credits that are used up: once.
with due as (
    select money.project_id, percent,
           concat_ws(':', 'budget', coalesce(money.period_start::text, 'total'), trim_scale(money.budget), percent)
               as key,
           'budget.threshold' as kind,
           jsonb_build_object(
               'percent', percent, 'spent', trim_scale(money.spent)::text, 'budget', trim_scale(money.budget)::text,
               'period', money.period, 'period_start', money.period_start,
               'currency', (select currency from price_list order by version desc limit 1)
           ) as data
    from project_money as money cross join unnest(cast(:percents as integer[])) as percent
    where money.budget is not null and money.spent * 100 >= money.budget * percent
      and (money.budget > 0 or percent = 100)
    union all
    select money.project_id, 0,
           'credits:' || coalesce((select max(id) from credit where credit.project_id = money.project_id), 0),
           'credits.spent', jsonb_build_object('balance', trim_scale(money.balance)::text)
    from project_money as money
    where money.prepaid and money.balance <= 0
), told as (
    insert into money_alert (project_id, key) select project_id, key from due
    on conflict do nothing
    returning project_id, key
), written as (
    insert into event (project_id, seq, kind, data)
    select due.project_id, 0, due.kind, due.data
    from due join told on told.project_id = due.project_id and told.key = due.key
    order by due.project_id, due.percent
)
select told.project_id, pg_notify('rayfarm_events', json_build_object('project', told.project_id)::text) from told
