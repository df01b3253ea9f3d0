-- Of a task: the project of its job or model, by which tasks are handed out in turn. Null: of any other row, and of a task
-- that had ended before this came.
alter table work add column project_id uuid;

create function task_names_its_project() returns trigger language plpgsql as $$
begin
    if new.model_id is not null then
        select project_id into new.project_id from model where id = new.model_id;
    else
        select project_id into new.project_id from job where id = new.job_id;
    end if;
    return new;
end $$;

create trigger work_task_names_its_project before insert or update of state on work
    for each row when (new.kind in ('post', 'probe', 'merge') and new.project_id is null)
    execute function task_names_its_project();
-- A trigger, so that no statement that queues a task can forget it: it would never be handed out.

update work set project_id = coalesce((select project_id from job where id = work.job_id),
                                      (select project_id from model where id = work.model_id))
where kind in ('post', 'probe', 'merge') and state in ('queued', 'leased', 'rendering');

drop index work_tasks;
create index work_tasks on work ((case task when 'preview' then 2 when 'step' then 1 else 0 end), project_id,
                                 (kind <> 'probe'), priority_rank, (kind <> 'merge'), id)
    where state = 'queued' and kind in ('post', 'probe', 'merge');
-- The lines of claim_tasks.sql: per project what the farm makes by itself, steps that a person asked for, and previews.

create index work_tasks_running on work (project_id)
    where state in ('leased', 'rendering') and kind in ('post', 'probe', 'merge');
