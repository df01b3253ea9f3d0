delete from worker_schedule where name = :name returning name
