insert into usage_report (project_id, customer, unit, meter, value, since, until)
values (:project_id, :customer, :unit, :meter, :value, :since, :until)
