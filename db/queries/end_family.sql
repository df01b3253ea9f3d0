delete from refresh_token where family_id = (select family_id from refresh_token where token_hash = :token_hash)
