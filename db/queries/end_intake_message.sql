update intake_message set job_id = :job_id where source = :source and dedup_id = :dedup_id
