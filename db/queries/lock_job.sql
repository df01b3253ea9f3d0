-- Every writer locks the job before its work rows. "No key": inserts that refer to the job need not wait.
select id, project_id, state, total, committed, reused, failed, canceled, skipped, generation, priority_rank,
       scouts is not null and approved_at is null as scouting
from job where id = :job_id
for no key update
