-- What a person has found out at the service about a report of which nothing was known.
update usage_report set state = case when :arrived then 'sent' else 'void' end, error = null
where id = :id and project_id = :project_id and state = 'unclear'
returning id
