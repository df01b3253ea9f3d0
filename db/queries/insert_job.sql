insert into job (id, project_id, model_id, name, spec, state, priority_rank, weight, total, split_parts,
                 idempotency_key)
values (:id, :project_id, :model_id, :name, cast(:spec as jsonb), 'queued', :priority_rank, :weight, :total,
        :split_parts, :idempotency_key)
on conflict (project_id, idempotency_key) where idempotency_key is not null do nothing
returning id
