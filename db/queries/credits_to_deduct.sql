-- What credits have paid for until the end of a time, less what invoices have deducted. Of one snapshot.
select greatest(coalesce((
    select credits.added - money.balance
           - case when money.prepaid then (
                 select coalesce(sum(cost), 0) from usage where project_id = :project_id and at >= :until
             ) + (
                 select coalesce(sum(cost), 0) from storage_usage where project_id = :project_id and day > :last_day
             ) else 0 end
    from project_money as money
    cross join lateral (
        select coalesce(sum(amount), 0) as added from credit where project_id = money.project_id
    ) as credits
    where money.project_id = :project_id
), 0) - (
    select coalesce(sum(credits), 0) from invoice where project_id = :project_id and kind = 'invoice'
), 0) as amount
