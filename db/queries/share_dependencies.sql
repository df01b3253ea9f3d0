-- Shared until the new job is there: none of them can end unseen in between. The oldest first, as whoever ends a job
-- locks those that wait for it.
select id, name, state from job
where id = any(cast(:job_ids as uuid[])) and project_id = :project_id
order by created_at, id
for share
