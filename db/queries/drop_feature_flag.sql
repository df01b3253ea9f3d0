delete from feature_flag where name = :name returning name
