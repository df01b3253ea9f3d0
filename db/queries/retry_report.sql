-- first_sent: back to what it was where this attempt has certainly left nothing there.
update usage_report set
    error = :error, due_at = now() + cast(:pause as interval),
    first_sent = case when cast(:arrived as boolean) is false then cast(:sent_before as timestamptz) else first_sent end
where id = :id and attempts = :attempts and state = 'pending'
