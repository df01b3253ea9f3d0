select id, email, project_id, role
from invitation
where email = :email and accepted_at is null and revoked_at is null and expires_at > now()
order by created_at, id
for update
