-- In the order of digests, so that two archives with the same files wait for each other and do not deadlock.
with sent as (
    select digest, size_bytes
    from unnest(cast(:digests as text[]), cast(:sizes as bigint[])) as file (digest, size_bytes)
    order by digest
), stored as (
    insert into blob (digest, size_bytes, created_at)
    select digest, size_bytes, now() from sent order by digest
    on conflict (digest) do nothing
)
insert into project_blob (project_id, digest, created_at)
select :project_id, digest, now() from sent order by digest
on conflict (project_id, digest) do update set sent_at = now()
returning digest, xmax = 0 as is_new
