-- The oldest of what waits for a person; events that are not kept any more have no kind.
select mail_notice.id, event.kind, event.data, event.job_id, job.name as job_name, project.name as project_name
from mail_notice
left join event on event.id = mail_notice.event_id
left join job on job.id = event.job_id
left join project on project.id = event.project_id
where mail_notice.account_id = :account_id
order by mail_notice.id
limit :limit
