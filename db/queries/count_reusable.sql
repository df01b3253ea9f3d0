-- Frames of a range that the project has rendered with this render key, by the jobs that a start would look into. Frame
-- numbers are compared as such, by hash: runs times results would be minutes for a range of many runs.
with sources as materialized (
    select array(
        select id from job where project_id = :project_id and render_key = :render_key and committed > 0
          and outputs_expired_at is null
        order by created_at desc, id desc
        limit :sources
    ) as ids
), wanted as materialized (
    select frame
    from jsonb_to_recordset(cast(:runs as jsonb)) as run (first integer, last integer, step integer)
    cross join lateral generate_series(run.first, run.last, run.step) as frame
)
select count(distinct done.frame)
from frame_result as done join wanted on wanted.frame = done.frame
where done.job_id = any(array(select unnest(ids) from sources)) and done.state = 'committed'
