-- Ranges whose frames wait are replaced by what still waits of them and what may be carved now.
with ended as (
    update work set state = 'done', count = 0, updated_at = now() where id = any(cast(:work_ids as bigint[]))
)
insert into work (job_id, kind, generation, first, count, priority_rank, gated)
select :job_id, 'range', run.generation, run.first, run.count, :priority_rank, run.gated
from jsonb_to_recordset(cast(:runs as jsonb)) as run (first integer, count integer, generation integer, gated boolean)
order by run.first
