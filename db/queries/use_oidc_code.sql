update oidc_login set code_used_at = now()
from account
where code_hash = :code_hash and code_used_at is null and code_expires_at > now()
    and account.id = oidc_login.account_id and account.disabled_at is null
    and account.session_epoch = oidc_login.session_epoch
returning oidc_login.account_id, oidc_login.session_epoch, oidc_login.session_ends_at, oidc_login.code_challenge,
    oidc_login.family_id
