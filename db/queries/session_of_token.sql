select refresh_token.family_id, refresh_token.account_id, account.email
from refresh_token join account on account.id = refresh_token.account_id
where refresh_token.token_hash = :token_hash
