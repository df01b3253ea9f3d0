insert into pool (cluster_id, name, desired)
select :cluster_id, key, value::integer from jsonb_each_text(cast(:pools as jsonb)) order by key
on conflict (cluster_id, name) do update set desired = excluded.desired, updated_at = now()
where pool.desired <> excluded.desired
