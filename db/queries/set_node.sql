insert into node (cluster_id, name, disabled, reason) values (:cluster_id, :name, :disabled, :reason)
on conflict (cluster_id, name) do update set
    disabled = excluded.disabled, reason = excluded.reason, updated_at = now()
