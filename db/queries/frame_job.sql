select spec ->> 'frames' as frames, spec ->> 'order' as hand_out from job where id = :job_id
