update job set
    generation = :generation,
    committed = committed + :committed, reused = reused + :reused, failed = failed + :failed,
    canceled = canceled + :canceled, skipped = skipped + :skipped
where id = :job_id
