-- The blobs that a model is made of: each file's own, or its chunks. The one place that says so.
create function blobs_of(manifest jsonb) returns jsonb language sql immutable strict parallel safe as $$
    select jsonb_path_query_array(manifest, '$.files[*] ? (!exists(@.chunks)).digest')
        || jsonb_path_query_array(manifest, '$.files[*].chunks[*].digest')
$$;

-- A scene of 10 GB has 10,000 chunks: whether any model needs a blob is asked once for each that may go.
create index model_by_blob on model using gin (blobs_of(manifest) jsonb_path_ops);
