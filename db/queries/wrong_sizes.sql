select wanted.path, wanted.size_bytes, blob.size_bytes as stored_bytes
from unnest(cast(:paths as text[]), cast(:digests as text[]), cast(:sizes as bigint[]))
    as wanted (path, digest, size_bytes)
join blob on blob.digest = wanted.digest
where blob.size_bytes != wanted.size_bytes
order by wanted.path
limit 1
