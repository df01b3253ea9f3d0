-- Ordinals by what became of them last.
select last.state, last.generation, array_agg(last.ordinal order by last.ordinal) as ordinals
from (
    select distinct on (ordinal) ordinal, state, generation from frame_result
    where job_id = :job_id and (cast(:ordinals as integer[]) is null or ordinal = any(cast(:ordinals as integer[])))
    order by ordinal, generation desc
) as last
group by last.state, last.generation
