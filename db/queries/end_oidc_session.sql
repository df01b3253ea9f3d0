delete from oidc_session where family_id = :family_id returning issuer, id_token
