insert into job (id, project_id, model_id, name, spec, state, priority_rank, weight, total, max_replicas, scouts,
                 start_before, finish_before, split_parts, cloned_from, idempotency_key, traceparent,
                 tags, show, shot, submitted_by, destination_id)
values (:id, :project_id, :model_id, :name, cast(:spec as jsonb), :state, :priority_rank, :weight, :total,
        :max_replicas, :scouts, :start_before, :finish_before, :split_parts, :cloned_from, :idempotency_key,
        :traceparent, :tags, :show, :shot, :submitted_by,
        :destination_id)
on conflict (project_id, idempotency_key) where idempotency_key is not null do nothing
returning id
