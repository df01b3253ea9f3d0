-- What the first start pinned stays: a job is made by one version of the engine.
update job set
    engine_version = coalesce(engine_version, :engine_version),
    device_class = coalesce(device_class, :device_class),
    render_key = coalesce(render_key, :render_key)
where id = :job_id
