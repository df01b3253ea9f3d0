-- Not one that is being verified.
delete from upload
where id = :id and project_id = :project_id and (verifying_until is null or verifying_until < now())
returning reference
