-- What the server keeps for superusers and for roles with a reservation (PostgreSQL 16) is none of ours.
select (select count(*) from pg_stat_activity where backend_type = 'client backend') as connections,
       current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
           - coalesce(current_setting('reserved_connections', true)::int, 0) as connection_limit,
       pg_database_size(current_database()) as bytes
