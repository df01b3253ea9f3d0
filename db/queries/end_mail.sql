-- No row: another sender has them by now.
update mail_box set
    not_before = now() + cast(:pause as interval), error = :error,
    sent = sent + cast(:taken as integer), failures = case when cast(:error as text) is null then 0 else failures + 1 end
where account_id = :account_id and attempts = :attempts
returning account_id
