-- Staged or leased and not started: free again under the next fence. A row that its replica is busy with is left.
with wanted as (
    select work_id, replica_id
    from unnest(cast(:work_ids as bigint[]), cast(:replica_ids as uuid[])) as pair (work_id, replica_id)
), found as (
    select work.id, work.fence, wanted.replica_id
    from work join wanted on wanted.work_id = work.id
    where work.state in ('queued', 'leased') and coalesce(work.replica_id, work.assigned_to) = wanted.replica_id
      and work.job_id = any(cast(:job_ids as uuid[]))
    order by work.id
    for no key update of work skip locked
), freed as (
    update work set
        state = 'queued', fence = work.fence + 1, assigned_to = null, replica_id = null, leased_until = null,
        updated_at = now()
    from found where work.id = found.id
)
select id, pg_notify(
    'rayfarm_replica_' || replace(replica_id::text, '-', ''),
    json_build_object('verb', 'take_back', 'work_id', id, 'fence', fence)::text
) from found
