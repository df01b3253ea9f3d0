-- Frames without result that no chunk renders end with the job; they get no row each. A split frame is among them: the
-- parts that still render can make no frame any more.
update job set canceled = total - committed - reused - failed - skipped - coalesce((
    select sum(cardinality(ordinals)) from work
    where job_id = :job_id and kind = 'chunk' and state in ('leased', 'rendering')
), 0)
where id = :job_id
