-- A key of a service account has the role that the account has now; where it has none any more, the key is void.
select api_key.id, api_key.project_id, api_key.name, api_key.prefix, api_key.secret_hash, api_key.scopes,
    account.id as account_id, account.name as account_name,
    case
        when api_key.account_id is null then api_key.role
        when api_key.project_id is null then account.farm_role
        else member.role
    end as role,
    last_used_at is null or last_used_at < now() - interval '1 minute' as stale
from api_key
left join account on account.id = api_key.account_id
left join member on member.account_id = api_key.account_id and member.project_id = api_key.project_id
where prefix = :prefix and revoked_at is null and (expires_at is null or expires_at > now())
    and account.disabled_at is null
