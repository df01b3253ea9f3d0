-- Of blobs in storage those that no row names: refused for the quota behind their bytes, or their process died before the
-- row. Asked without a lock, and again under that of sweep_blobs_alone.sql.
select asked.digest from unnest(cast(:digests as text[])) as asked (digest)
where not exists (select from blob where blob.digest = asked.digest)
order by asked.digest
