insert into frame_look (job_id, ordinal, generation, frame, mean, brightest)
select :job_id, ordinal, :generation, frame, mean, brightest
from jsonb_to_recordset(cast(:looks as jsonb)) as look (
    ordinal integer, frame integer, mean double precision, brightest double precision
)
on conflict (job_id, ordinal, generation) do nothing
