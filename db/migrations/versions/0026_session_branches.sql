-- The token whose use gave this one. A browser that lost an answer is given another successor of the same token; once one
-- of them is used, the others are void. Null: the first of its session, or one of before.
alter table refresh_token add column follows bytea check (length(follows) = 32);
