-- The outputs of the whole job that are made or being made, as of this generation.
select task, state, error from work
where job_id = :job_id and generation = :generation and kind = 'post' and task in ('video', 'contact_sheet')
order by id
