-- A picture counts once in the job, however many flags it has; insert_looks.sql takes it out once a newer one is judged.
with given as (
    select * from jsonb_to_recordset(cast(:flags as jsonb)) as flag (
        ordinal integer, generation integer, flag text, detail text
    )
), flagged as (
    select distinct ordinal from frame_flag
    where job_id = :job_id and (ordinal, generation) in (select ordinal, generation from given)
), inserted as (
    insert into frame_flag (job_id, ordinal, generation, flag, detail)
    select :job_id, ordinal, generation, flag, detail from given
    on conflict do nothing
    returning ordinal, flag
), counted as (
    update job set suspects = suspects + (
        select count(distinct ordinal) from inserted where ordinal not in (select ordinal from flagged)
    )
    where id = :job_id and exists (select from inserted)
    returning suspects
)
select inserted.ordinal, inserted.flag, (select suspects from counted) as suspects
from inserted order by inserted.ordinal, inserted.flag
