-- Of a split frame only the first part to start is told of: the feed speaks of frames. No row: the project may start
-- nothing more.
update work set state = 'rendering', updated_at = now()
where id = :work_id and not exists (select from stopped_project as stopped where stopped.project_id = :project_id)
returning kind = 'chunk' or not exists (
    select from work as other
    where other.job_id = work.job_id and other.kind = 'part' and other.generation = work.generation
      and other.ordinals = work.ordinals and other.id <> work.id and other.state in ('rendering', 'done')
) as is_first
