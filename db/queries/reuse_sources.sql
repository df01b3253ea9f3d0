-- Jobs of this project that rendered from the same inputs, the newest first.
select source.id, source.spec ->> 'frames' as frames
from job as mine
join job as source on source.project_id = mine.project_id and source.render_key = mine.render_key
where mine.id = :job_id and source.id <> :job_id and source.committed > 0
  and source.outputs_expired_at is null
order by source.created_at desc, source.id desc
limit :limit
