-- No row: it is a schedule's word, and an operator has disabled the machine.
insert into node (cluster_id, name, disabled, reason, disabled_by)
values (:cluster_id, :name, :disabled, :reason, :disabled_by)
on conflict (cluster_id, name) do update set
    disabled = excluded.disabled, reason = excluded.reason, disabled_by = excluded.disabled_by, updated_at = now()
where excluded.disabled_by <> 'schedule' or not node.disabled or node.disabled_by = 'schedule'
returning name
