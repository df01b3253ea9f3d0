insert into replica (id, cluster_id, pool, node, ray_node, serve_id, labels, engines, device_class, state)
values (:replica_id, :cluster_id, :pool, :node, :ray_node, :serve_id, cast(:labels as jsonb),
        cast(:engines as jsonb), :device_class, 'up')
on conflict (id) do update set
    state = case when replica.drain then 'draining' else 'up' end,
    gone_at = null, beat_at = now(), labels = excluded.labels, engines = excluded.engines
