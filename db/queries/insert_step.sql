insert into work (job_id, kind, generation, task, ordinals, priority_rank, data, traceparent)
values (:job_id, 'post', :generation, 'step', :ordinals, :priority_rank, cast(:data as jsonb),
        :traceparent)
returning id
