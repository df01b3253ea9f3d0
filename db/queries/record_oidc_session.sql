insert into oidc_session (family_id, issuer, id_token, ends_at) values (:family_id, :issuer, :id_token, :ends_at)
