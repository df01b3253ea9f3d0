select count(*) from work
where project_id = :project_id and state = 'queued' and kind = 'probe'
  and (case task when 'preview' then 2 when 'step' then 1 else 0 end) = 0  -- as the index work_tasks has it
