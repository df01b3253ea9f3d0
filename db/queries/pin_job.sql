-- What the first start pinned stays: a job is made by one version of the engine.
update job set
    engine_version = coalesce(engine_version, :engine_version),
    device_class = coalesce(device_class, :device_class),
    render_key = coalesce(render_key, :render_key)
where id = :job_id
returning case when started_at is null then extract(epoch from now() - created_at)::double precision end as waited_s
