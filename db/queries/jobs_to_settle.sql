select id from job
where state = 'canceling'
   or (state in ('queued', 'running', 'paused') and committed + reused + failed + canceled + skipped = total)
   or (state = 'finishing' and not exists (
          select from work
          where work.job_id = job.id and work.kind = 'post' and work.task = 'video'
            and work.generation = job.generation and work.state in ('queued', 'leased', 'rendering')
      ))
order by id
