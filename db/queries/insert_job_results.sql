insert into job_result_target (job_id, arn) select :job_id, arn from unnest(cast(:arns as text[])) as given (arn)
on conflict do nothing
