delete from mail_notice where account_id = :account_id and id <= :last_id
