-- What a job asks of a replica, beside each kind of replica on other machines that take work and are not blocked for it.
-- No row: there is no such machine.
select distinct on (other.alike)
       other.pool, other.labels, other.engines, other.device_class,
       job.engine_version as wanted_version, job.device_class as wanted_device, job.spec -> 'labels' as wanted_labels
from job cross join accepting_replica as other
where job.id = :job_id and other.cluster_id = :cluster_id and other.node <> :node
  and not exists (
      select from job_block as block
      where block.job_id = :job_id and block.node = other.node and block.pipeline = :pipeline
        and block.blocked_at is not null
  )
order by other.alike
