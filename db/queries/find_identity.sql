select account.id as account_id, account.session_epoch, account.disabled_at is not null as disabled, oidc_identity.granted
from oidc_identity
join account on account.id = oidc_identity.account_id
where oidc_identity.issuer = :issuer and oidc_identity.subject = :subject
