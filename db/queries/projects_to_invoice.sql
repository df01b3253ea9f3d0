-- Projects that owe something for a month and have no invoice of it, from behind one on.
select project.id from project
where project.id > :after
  and not exists (
      select from invoice where project_id = project.id and month = :month and kind = 'invoice'
  ) and (
      exists (
          select from usage
          where project_id = project.id and at >= :since and at < :until and cost > 0
      ) or exists (
          select from storage_usage
          where project_id = project.id and day between :first_day and :last_day and cost > 0
      )
  )
order by project.id
limit :limit
