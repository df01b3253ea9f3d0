insert into job_dependency (job_id, on_job_id, kind)
select :job_id, id, kind from jsonb_to_recordset(cast(:dependencies as jsonb)) as wanted (id uuid, kind text)
