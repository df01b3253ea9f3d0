-- A frame whose try failed while its job was being canceled ends with the job; like all that were held, a row names it.
insert into work (job_id, kind, part, parts, generation, count, ordinals, priority_rank, state)
values (:job_id, :kind, cast(:part as integer), cast(:parts as integer), :generation, 1,
        array[cast(:ordinal as integer)], :priority_rank, 'canceled')
