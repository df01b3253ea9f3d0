select name, start_before, finish_before, outputs_expired_at,
       coalesce(finish_before <= now(), false) as is_late,
       coalesce(start_before <= now() and given_at is null, false) as starts_late
from job where id = :job_id
