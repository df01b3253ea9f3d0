insert into credit (project_id, amount, reference, note, created_by)
values (:project_id, :amount, :reference, :note, :created_by)
on conflict (project_id, reference) do nothing
returning id
