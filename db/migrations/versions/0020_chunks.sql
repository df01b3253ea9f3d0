-- The blobs that a model is made of: each file's own, or its chunks. The one place that says so. In plpgsql and dear, so
-- that the planner neither unfolds it nor reads every manifest where it has an index.
create function blobs_of(manifest jsonb) returns jsonb
    language plpgsql immutable strict parallel safe cost 100000 as $$
begin
    return jsonb_path_query_array(manifest, '$.files[*] ? (!exists(@.chunks)).digest')
        || jsonb_path_query_array(manifest, '$.files[*].chunks[*].digest');
end $$;

-- A scene of 10 GB has 10,000 chunks: whether any model needs a blob is asked once for each that may go.
create index model_by_blob on model using gin (blobs_of(manifest) jsonb_path_ops);
