with old as (
    select source, dedup_id from intake_message
    where created_at < now() - cast(:kept as interval) order by created_at limit :limit
    for update skip locked
)
delete from intake_message using old
where intake_message.source = old.source and intake_message.dedup_id = old.dedup_id
