-- What a person has asked to be made of the job's frames, newest first.
select id, state, data, error, created_at, updated_at from work
where job_id = :job_id and kind = 'post' and task = 'step' and (cast(:id as bigint) is null or id = :id)
order by id desc
limit :limit
