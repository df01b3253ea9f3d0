-- What still works for one Ray cluster: leases that it holds, and jobs that nobody but its dispatcher would go on with.
-- A dispatcher that runs and does not lead here works on another database.
select
    exists (
        select 1 from leader where role = :role and cluster_id = :cluster_id and expires_at > now()
    ) as leads,
    (select count(*) from work where cluster_id = :cluster_id and state in ('leased', 'rendering')) as leased,
    (
        select count(*) from job
        where state in ('queued', 'running', 'canceling', 'finishing')
          and not exists (
              select 1 from leader
              where role = :role and cluster_id <> :cluster_id and expires_at > now()
          )
    ) as jobs
