-- A frame to try again is a chunk of its own, with what it has cost so far.
insert into work (job_id, kind, generation, count, ordinals, tries, worker_failures, resource_failures, avoid,
                  not_before, priority_rank)
values (:job_id, 'chunk', :generation, 1, array[cast(:ordinal as integer)], :tries, :worker_failures,
        :resource_failures, cast(:avoid as uuid[]), now() + cast(:pause as interval), :priority_rank)
