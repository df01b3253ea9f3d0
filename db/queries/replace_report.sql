-- The same usage under an identifier of its own.
insert into usage_report (project_id, customer, unit, meter, value, since, until, replaces)
select project_id, customer, unit, meter, value, since, until, id from usage_report where id = :id
