-- Of what a person may change on a job: the columns, and the rank of the work that waits or is done now.
with changed as (
    update job set
        priority_rank = :priority_rank, weight = :weight, max_replicas = :max_replicas,
        start_before = :start_before, finish_before = :finish_before, tags = :tags, show = :show, shot = :shot
    where id = :job_id
), waiting as (
    select id from work
    where job_id = :job_id and priority_rank <> :priority_rank
      and (  -- an index for each arm
          (kind = 'range' and state = 'queued')
          or (kind <> 'range' and state in ('queued', 'leased', 'rendering'))
      )
    order by id for no key update
)
update work set priority_rank = :priority_rank from waiting where work.id = waiting.id
