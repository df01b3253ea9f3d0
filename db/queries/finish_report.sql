update usage_report set state = 'sent', ended_at = now(), error = null
where id = :id and attempts = :attempts and state = 'pending'
