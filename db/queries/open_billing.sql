-- The project's row of billing, locked; made where it has none.
insert into billing (project_id) values (:project_id)
on conflict (project_id) do update set updated_at = billing.updated_at
returning budget, period, prepaid
