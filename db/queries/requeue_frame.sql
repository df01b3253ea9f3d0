-- A frame to try again is a chunk of its own, with what it has cost so far; a part of one stays that part.
insert into work (job_id, kind, part, parts, generation, count, ordinals, tries, worker_failures, resource_failures, avoid,
                  not_before, priority_rank)
values (:job_id, :kind, cast(:part as integer), cast(:parts as integer), :generation, 1, array[cast(:ordinal as integer)], :tries, :worker_failures,
        :resource_failures, cast(:avoid as uuid[]), now() + cast(:pause as interval), :priority_rank)
