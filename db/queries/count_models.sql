select count(*) from model where project_id = :project_id
