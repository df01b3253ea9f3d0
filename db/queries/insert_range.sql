insert into work (job_id, kind, first, count, priority_rank) values (:job_id, 'range', 0, :total, :priority_rank)
