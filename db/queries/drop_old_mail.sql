delete from mail_notice where created_at < now() - cast(:age as interval)
