-- What every frame that no replica holds ends as, when its job ends: its last result (the picture of a frame that was
-- to be rendered again stays), or canceled, which needs no row. A split frame is held by none: the parts that still
-- render can make no frame any more.
with held as (
    select unnest(ordinals) as ordinal from work
    where job_id = :job_id and kind = 'chunk' and state in ('leased', 'rendering')
), last as (
    select distinct on (ordinal) ordinal, state from frame_result
    where job_id = :job_id and exists (select from job where id = :job_id and generation > 1)
    order by ordinal, generation desc
), recounted as (
    select count(*) filter (where state = 'committed') as committed, count(*) filter (where state = 'reused') as reused,
           count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'skipped') as skipped
    from last where not exists (select from held where held.ordinal = last.ordinal)
), counts as (
    select job.id, job.total - (select count(distinct ordinal) from held) as ended,
           case when generation > 1 then recounted.committed else job.committed end as committed,
           case when generation > 1 then recounted.reused else job.reused end as reused,
           case when generation > 1 then recounted.failed else job.failed end as failed,
           case when generation > 1 then recounted.skipped else job.skipped end as skipped
    from job cross join recounted where job.id = :job_id
)
update job set
    committed = counts.committed, reused = counts.reused, failed = counts.failed, skipped = counts.skipped,
    canceled = counts.ended - counts.committed - counts.reused - counts.failed - counts.skipped
from counts where job.id = counts.id
