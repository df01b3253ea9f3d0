-- Their bytes are swept by age, whether a row names them or not.
with old as (
    select id from upload where expires_at < now() - cast(:kept as interval) limit :limit
    for update skip locked
)
delete from upload using old where upload.id = old.id
