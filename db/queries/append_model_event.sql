with told as (
    insert into event (project_id, model_id, seq, kind, data)
    select project_id, id, 0, :kind, cast(:data as jsonb) from model where id = :model_id
)
select pg_notify('rayfarm_events', json_build_object('model', cast(:model_id as uuid))::text)
