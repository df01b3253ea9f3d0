-- Those that were read: one with a smaller number may have been committed since.
delete from mail_notice where account_id = :account_id and id = any(cast(:ids as bigint[]))
