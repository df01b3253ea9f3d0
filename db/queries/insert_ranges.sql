-- Runs of positions to carve chunks from. Of a retry they carry its generation: older results of their frames, which
-- stay, do not count as outcomes then.
insert into work (job_id, kind, generation, first, count, priority_rank, gated)
select :job_id, 'range', :generation, run.first, run.count, :priority_rank,
       exists (select from job_dependency where job_id = :job_id and kind = 'frame')
from jsonb_to_recordset(cast(:runs as jsonb)) as run (first integer, count integer)
order by run.first
