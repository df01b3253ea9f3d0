-- A token that was used a moment ago and none of whose successors was: nobody has the answer yet. One that was passed over
-- has no successor, so it never comes here.
select used.account_id, used.family_id, used.session_epoch, used.session_ends_at
from refresh_token as used join account on account.id = used.account_id
where used.token_hash = :token_hash and used.used_at > now() - cast(:within as interval) and used.expires_at > now()
    and account.disabled_at is null and account.session_epoch = used.session_epoch
    and (
        select bool_and(successor.used_at is null) from refresh_token as successor
        where successor.family_id = used.family_id and successor.follows = used.token_hash
    )
