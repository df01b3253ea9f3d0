-- Before has_room_for_job, so that two jobs do not take one place: its statement must begin when the lock is held, or it
-- would count what it saw while it waited.
select from project_quota where project_id = :project_id and running_jobs is not null for no key update
