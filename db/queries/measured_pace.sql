-- Mean time of a rendered frame: of the same inputs where there is one, else of the same scene.
select sum(render_ms_sum) filter (where render_key = :render_key) as alike_ms,
       coalesce(sum(render_count) filter (where render_key = :render_key), 0) as alike,
       sum(render_ms_sum) as scene_ms, coalesce(sum(render_count), 0) as scene
from job
where project_id = :project_id and model_id = :model_id and spec ->> 'pipeline' = :pipeline and render_count > 0
