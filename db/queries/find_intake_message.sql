select job_id, digest from intake_message where source = :source and dedup_id = :dedup_id
