insert into oidc_login
    (state_hash, account_id, session_epoch, session_ends_at, code_hash, code_challenge, code_expires_at, expires_at)
values (
    :state_hash, :account_id, :session_epoch, now() + make_interval(secs => :session_s), :code_hash, :code_challenge,
    case when cast(:code_hash as bytea) is not null then now() + make_interval(secs => :code_s) end,
    now() + make_interval(secs => :kept_s)
)
on conflict (state_hash) do nothing
returning session_ends_at, family_id
