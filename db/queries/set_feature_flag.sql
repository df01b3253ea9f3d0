insert into feature_flag (name, enabled, projects, percent, note, changed_by)
values (:name, :enabled, :projects, :percent, :note, :changed_by)
on conflict (name) do update set
    enabled = excluded.enabled, projects = excluded.projects, percent = excluded.percent, note = excluded.note,
    changed_by = excluded.changed_by, changed_at = now()
