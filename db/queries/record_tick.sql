insert into loop_health (name, cluster_id, every_ms, ran_at, took_ms, handled, failures, error)
values (:name, :cluster_id, :every_ms, now(), :took_ms, :handled, case when :failed then 1 else 0 end, :error)
on conflict (name, cluster_id) do update set
    every_ms = excluded.every_ms,
    ran_at = excluded.ran_at,
    took_ms = excluded.took_ms,
    handled = loop_health.handled + excluded.handled,
    failures = case when :failed then loop_health.failures + 1 else 0 end,
    error = excluded.error
