-- Live rows of live jobs alone: as many as there are ranges and chunks, whatever the number of frames.
select job.priority_rank,
       case when job.state not in ('queued', 'running') then 'held'
            when work.state <> 'queued' then 'rendering'
            when work.assigned_to is not null then 'assigned'
            else 'waiting' end as state,
       sum(case when work.kind = 'range' then work.count else cardinality(work.ordinals) end) as frames
from job join work on work.job_id = job.id
where job.state not in ('succeeded', 'failed', 'canceled')
  and work.state in ('queued', 'leased', 'rendering') and work.kind in ('range', 'chunk', 'part')
group by 1, 2
