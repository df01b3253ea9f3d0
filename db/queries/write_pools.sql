-- Renewed every second or so, so that a reader can tell a wish from the memory of one.
insert into pool (cluster_id, name, desired)
select :cluster_id, key, value::integer from jsonb_each_text(cast(:pools as jsonb)) order by key
on conflict (cluster_id, name) do update set desired = excluded.desired, updated_at = now()
where pool.desired <> excluded.desired or pool.updated_at < now() - interval '1 second'
