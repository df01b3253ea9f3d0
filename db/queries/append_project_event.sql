with told as (
    insert into event (project_id, seq, kind, data) values (:project_id, 0, :kind, cast(:data as jsonb))
)
select pg_notify('rayfarm_events', json_build_object('project', cast(:project_id as uuid))::text)
