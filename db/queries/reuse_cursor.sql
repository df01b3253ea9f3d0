select reuse_next, spec ->> 'frames' as frames, coalesce((spec ->> 'reuse')::boolean, true) as wanted
from job where id = :job_id
