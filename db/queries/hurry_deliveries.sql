-- What waits out a pause is due now. What is being copied keeps its lease.
update delivery set not_before = now(), updated_at = now()
where destination_id = :destination_id and state = 'queued' and not copying and not_before > now()
