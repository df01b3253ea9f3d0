-- A failed attempt counts on its replica, and what the job or the machine did also on (job, machine). The machine is
-- blocked for the job once it failed too often and another one could render the job instead.
with failed_on as (
    update replica set failures = failures + 1 where id = :replica_id returning cluster_id, node
), mine as (
    select failed_on.cluster_id, failed_on.node, job.spec ->> 'pipeline' as pipeline, job.spec -> 'labels' as labels
    from failed_on cross join job where job.id = :job_id and cast(:blames_node as boolean)
), counted as (
    insert into job_block (job_id, node, pipeline, failures) select :job_id, node, pipeline, 1 from mine
    on conflict (job_id, node, pipeline) do update set failures = job_block.failures + 1
    returning node, pipeline, failures, blocked_at
)
select counted.node, counted.pipeline, counted.failures,
       counted.blocked_at is null and counted.failures >= :ceiling and exists (
           select from accepting_replica as other
           where other.cluster_id = mine.cluster_id and other.node <> mine.node
             and jsonb_exists(other.engines, mine.pipeline)
             and (mine.labels is null or other.labels @> mine.labels)
             and not exists (
                 select from job_block as block
                 where block.job_id = :job_id and block.node = other.node and block.pipeline = mine.pipeline
                   and block.blocked_at is not null
             )
       ) as blocks
from counted join mine on mine.node = counted.node
