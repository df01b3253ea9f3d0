-- Under the job's lock, which every commit takes: keys that no row names, and none ever will. An attempt commits only
-- under the fence of a leased row that holds its frame, and a fence that was raised never comes back; so what no leased
-- row can name is dead for good. The files of a part live until its frame has its result, of whatever generation the
-- job is by then: a requeue of one frame raises it while the parts of the others still wait for their merge. Outputs that
-- have expired name their file for one hour more: a reuse that read them before takes far less to commit its own rows.
select asked.key
from unnest(cast(:keys as text[]), cast(:ordinals as integer[])) as asked (key, ordinal)
where not exists (
          select from artifact
          where artifact.job_id = :job_id and artifact.storage_key = asked.key
            and (artifact.deleted_at is null or artifact.deleted_at > now() - interval '1 hour')
      )
  and not exists (
      select from artifact
      where artifact.storage_key = asked.key
        and (artifact.deleted_at is null or artifact.deleted_at > now() - interval '1 hour')
        and not starts_with(artifact.storage_key, 'artifacts/' || artifact.job_id::text || '/')
  )
  and not exists (
      select from part_result as part join job on job.id = part.job_id
      where part.job_id = :job_id and part.storage_key = asked.key
        and job.state not in ('succeeded', 'failed', 'canceled')
        and not exists (
            select from frame_result as result
            where result.job_id = part.job_id and result.ordinal = part.ordinal
              and result.generation >= part.generation
        )
  )
  and not exists (
      select from work
      where work.job_id = :job_id and work.kind <> 'range' and work.state in ('leased', 'rendering')
        and (work.kind not in ('chunk', 'part') or asked.ordinal is null or asked.ordinal = any(work.ordinals))
  )
order by asked.key
