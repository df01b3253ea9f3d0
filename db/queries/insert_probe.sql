insert into work (model_id, kind, priority_rank, traceparent) values (:model_id, 'probe', 0, :traceparent)
