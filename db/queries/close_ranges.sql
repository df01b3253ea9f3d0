-- What is left on them are positions of frames that were reused.
update work set state = 'done', count = 0, updated_at = now()
where job_id = :job_id and kind = 'range' and state = 'queued'
