-- The ledger of a time, in the order in which it was written, from behind a row on.
select kind, job_id, number, generation, part, frame, attempt_id, pool, gpu_us, cpu_us, stored_bytes, price_version, cost,
       at
from usage
where project_id = :project_id and at >= :since and at < :until
  and (cast(:after_at as timestamptz) is null
       or (at, job_id, number, generation, part, kind)
          > (:after_at, cast(:after_job as uuid), :after_number, :after_generation, :after_part, :after_kind))
order by at, job_id, number, generation, part, kind
limit :limit
