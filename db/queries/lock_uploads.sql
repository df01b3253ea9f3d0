-- So that no two uploads of a project take its last place.
with lock as materialized (
    select pg_advisory_xact_lock(hashtextextended('rayfarm uploads ' || cast(:project_id as text), 0))
)
select 1 as locked from lock
