select id from job
where state = 'canceling'
   or (state in ('blocked', 'queued', 'running', 'paused', 'awaiting_approval')
       and committed + reused + failed + canceled + skipped = total)
   or (state = 'running' and scouts is not null and approved_at is null and not exists (
          select from work
          where work.job_id = job.id and work.kind in ('chunk', 'part', 'merge')
            and work.state in ('queued', 'leased', 'rendering')
      ))
   or (state = 'finishing' and not exists (
          select from work
          where work.job_id = job.id and work.kind = 'post' and work.task in ('video', 'contact_sheet')
            and work.generation = job.generation and work.state in ('queued', 'leased', 'rendering')
      ))
order by id
