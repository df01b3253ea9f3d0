select id, project_id, name, prefix, secret_hash, role, scopes, last_used_at is null or last_used_at < now() - interval '1 minute' as stale
from api_key
where prefix = :prefix and revoked_at is null and (expires_at is null or expires_at > now())
