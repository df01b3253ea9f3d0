select id, customer, unit, meter, value, since, until, state, attempts, error, replaces, made_at, ended_at
from usage_report
where project_id = :project_id
  and (cast(:before_at as timestamptz) is null or (made_at, id) < (:before_at, cast(:before_id as uuid)))
  and (cast(:id as uuid) is null or id = cast(cast(:id as uuid) as uuid))
order by made_at desc, id desc
limit :limit
