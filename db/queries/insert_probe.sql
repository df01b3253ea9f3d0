insert into work (model_id, kind, priority_rank) values (:model_id, 'probe', 0)
