-- Frames of a range that the project has rendered with this render key, and whose picture it has.
with sources as materialized (
    select array(select id from job where project_id = :project_id and render_key = :render_key) as ids
)
select count(distinct done.frame)
from frame_result as done
join jsonb_to_recordset(cast(:runs as jsonb)) as run (first integer, step integer, low integer, high integer)
  on done.frame between run.low and run.high and (done.frame - run.first) % run.step = 0
where done.job_id = any(array(select unnest(ids) from sources)) and done.state = 'committed'
