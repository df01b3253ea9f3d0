delete from licence where name = :name returning name
