-- Others that were given for the same token are used up with it: two holders of a copy meet here.
with used as (
    update refresh_token set used_at = now()
    from account
    where token_hash = :token_hash and used_at is null and expires_at > now()
        and account.id = refresh_token.account_id and account.disabled_at is null
        and account.session_epoch = refresh_token.session_epoch
    returning refresh_token.token_hash, refresh_token.follows, refresh_token.account_id, refresh_token.family_id,
        refresh_token.session_epoch, refresh_token.session_ends_at
), passed_over as (
    update refresh_token set used_at = now()
    from used
    where refresh_token.family_id = used.family_id and refresh_token.follows = used.follows
        and refresh_token.token_hash <> used.token_hash and refresh_token.used_at is null
)
select account_id, family_id, session_epoch, session_ends_at from used
