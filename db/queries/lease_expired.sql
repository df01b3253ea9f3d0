select leased_until < now() from work where id = :work_id
