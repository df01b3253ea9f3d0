select other.id, other.name, other.state, other.generation, other.event_seq, other.total,
       other.spec ->> 'frames' as frames, other.spec ->> 'order' as hand_out
from job_dependency join job as other on other.id = job_dependency.on_job_id
where job_dependency.job_id = :job_id and job_dependency.kind = 'frame'
order by other.created_at, other.id
