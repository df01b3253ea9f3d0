select id, email, project_id, role
from invitation
where token_hash = :token_hash and accepted_at is null and revoked_at is null and expires_at > now()
for update
