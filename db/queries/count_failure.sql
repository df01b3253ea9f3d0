-- A failed attempt counts on its replica, and what the job or the machine did also on (job, machine). `due`: the machine
-- has failed the job so often that it is blocked, if another one can render the job instead.
with failed_on as (
    update replica set failures = failures + 1 where id = :replica_id returning cluster_id, node
), mine as (
    select failed_on.cluster_id, failed_on.node, job.spec ->> 'pipeline' as pipeline
    from failed_on cross join job where job.id = :job_id and cast(:blames_node as boolean)
), counted as (
    insert into job_block (job_id, node, pipeline, failures) select :job_id, node, pipeline, 1 from mine
    on conflict (job_id, node, pipeline) do update set failures = job_block.failures + 1
    returning node, pipeline, failures, blocked_at
)
select mine.cluster_id, counted.node, counted.pipeline, counted.failures,
       counted.blocked_at is null and counted.failures >= :ceiling as due
from counted join mine on mine.node = counted.node
