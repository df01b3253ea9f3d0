-- Which database this is, for comparison and without a secret: the server's own number, as its standbys have it too, and
-- the database's.
select md5(server.system_identifier::text || '/' || database.oid::text)
from pg_control_system() as server, pg_database as database
where database.datname = current_database()
