-- Who renews and who ends sessions of one person take turns: a delete does not see what a renewal under way adds.
select account.id from account
where id = (select account_id from refresh_token where token_hash = :token_hash)
for no key update
