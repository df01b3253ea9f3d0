-- The two roles of a farm on a server of its own: rayfarm_owner owns the tables and migrates, rayfarm works with the rows
-- and can change no table. Run once as the database's owner, in the farm's database, before the first migration; again
-- does no harm. The roles have no password yet: give them one by psql's \password, which sends none in the clear, as a
-- server that logs DDL would keep it. See docs/operations/terraform.md.
do $$
declare
    name text;
begin
    foreach name in array array['rayfarm_owner', 'rayfarm'] loop
        if not exists (select from pg_roles where rolname = name) then
            execute format('create role %I login', name);
        end if;
    end loop;
    -- For the extension pg_trgm, by which jobs are found by a part of their name.
    execute format('grant connect, create on database %I to rayfarm_owner', current_database());
    execute format('grant connect on database %I to rayfarm', current_database());
end $$;

-- PostgreSQL 15 and newer let nobody but the database's owner make anything in public; older ones let everybody.
revoke create on schema public from public;
grant usage, create on schema public to rayfarm_owner;
grant usage on schema public to rayfarm;

-- To see others' sessions and statements: the runbooks look for who holds rows or connections. It ends and cancels
-- its own alone: pg_signal_backend would let whoever has the farm's password end a migration.
do $$
begin
    grant pg_read_all_stats to rayfarm;
exception when insufficient_privilege then
    raise warning 'rayfarm will not see the sessions of other roles: % may not grant pg_read_all_stats', current_user;
end $$;

-- Who is no superuser sets the defaults of a role that it is a member of.
grant rayfarm_owner to current_user;
alter default privileges for role rayfarm_owner in schema public grant select, insert, update, delete on tables to rayfarm;
alter default privileges for role rayfarm_owner in schema public grant usage, select on sequences to rayfarm;
