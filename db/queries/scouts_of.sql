-- What stands between a job and its approval: null where nobody must approve it (any more).
select case when approved_at is null then scouts end as scouts, total, spec ->> 'order' as hand_out,
       exists (
           select from work where job_id = :job_id and kind in ('chunk', 'part', 'merge')
              and state in ('queued', 'leased', 'rendering')
       ) as has_chunks
from job where id = :job_id
