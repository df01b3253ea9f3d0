update refresh_token set used_at = now()
from account
where token_hash = :token_hash and used_at is null and expires_at > now()
    and account.id = refresh_token.account_id and account.disabled_at is null
    and account.session_epoch = refresh_token.session_epoch
returning refresh_token.account_id, refresh_token.family_id, refresh_token.session_epoch, refresh_token.session_ends_at
