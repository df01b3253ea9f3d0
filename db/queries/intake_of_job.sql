select source, message_id, label from intake_message where job_id = :job_id
