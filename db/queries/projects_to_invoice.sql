-- Projects that owe something for a month and have no invoice of it, from behind one on. The sums of days (UTC) tell
-- without a look at each row where nothing cost anything.
select project.id from project
where project.id > :after
  and not exists (
      select from invoice where project_id = project.id and month = :month and kind = 'invoice'
  ) and (
      exists (
          select from usage_day
          where project_id = project.id and cost > 0
            and day between (cast(:since as timestamptz) at time zone 'utc')::date
                and (cast(:until as timestamptz) at time zone 'utc')::date
      ) and exists (
          select from usage
          where project_id = project.id and at >= :since and at < :until and cost > 0
      ) or exists (
          select from storage_usage
          where project_id = project.id and day between :first_day and :last_day and cost > 0
      )
  )
order by project.id
limit :limit
