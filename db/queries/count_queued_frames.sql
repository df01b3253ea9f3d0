-- Frames without an outcome in the project's jobs.
select coalesce(sum(total - committed - reused - failed - canceled - skipped), 0)::bigint from job
where project_id = :project_id and state not in ('succeeded', 'failed', 'canceled')
