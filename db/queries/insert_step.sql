insert into work (job_id, kind, generation, task, ordinals, priority_rank, data)
values (:job_id, 'post', :generation, 'step', :ordinals, :priority_rank, cast(:data as jsonb))
returning id
