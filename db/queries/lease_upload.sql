-- One process verifies an upload at a time; its death ends the lease.
update upload set verifying_until = now() + cast(:lease as interval), verification = :verification
where id = :id and completed_at is null and problem is null
    and (verifying_until is null or verifying_until < now())
returning id
