insert into attempt (id, job_id, ordinal, generation, work_id, fence, replica_id, started_at, outcome, message, log)
values (:attempt_id, :job_id, :ordinal, :generation, :work_id, :fence, :replica_id, :started_at, :outcome, :message,
        :log)
on conflict do nothing
