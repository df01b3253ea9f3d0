select account.id, account.name, account.email, account.farm_role, member.project_id, project.slug, member.role
from account
left join member on member.account_id = account.id
left join project on project.id = member.project_id
where account.id = :account_id and account.session_epoch = :session_epoch and account.disabled_at is null
order by project.slug
