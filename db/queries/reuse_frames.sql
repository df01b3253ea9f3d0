-- Frames of this project that were rendered from the same inputs become results of this job: the artifact rows are new,
-- the files in storage are those of the first. The jobs to take from are one array, so that the large tables are read
-- by their index on the job, and all else by hash (the caller switches nested loops off: a guess of a planner without
-- statistics would cost minutes). The newest picture of a frame is taken: an older one was thrown out by a requeue. A
-- frame that has a result of its own here is rendered, whatever others have: somebody asked for that.
with sources as materialized (
    select array(
        select source.id
        from job as mine
        join job as source on source.project_id = mine.project_id and source.render_key = mine.render_key
        where mine.id = :job_id and source.id <> :job_id
    ) as ids
), wanted as materialized (
    select * from jsonb_to_recordset(cast(:runs as jsonb)) as run (
        start integer, first integer, step integer, low integer, high integer
    )
), rendered as materialized (
    select wanted.start + (done.frame - wanted.first) / wanted.step as ordinal, done.frame, done.attempt_id, done.at,
           done.job_id as source_job, done.ordinal as source_ordinal, done.generation as source_generation
    from frame_result as done
    join wanted on done.frame between wanted.low and wanted.high and (done.frame - wanted.first) % wanted.step = 0
    where done.job_id = any(array(select unnest(ids) from sources)) and done.state = 'committed'
), files as materialized (
    select * from artifact
    where job_id = any(array(select unnest(ids) from sources)) and kind in ('frame', 'extra', 'preview')
      and ordinal is not null
), found as materialized (
    select distinct on (rendered.ordinal) rendered.*
    from rendered
    where not exists (
              select from frame_result as result where result.job_id = :job_id and result.ordinal = rendered.ordinal
          )
      and not exists (
              select from work cross join unnest(work.ordinals) as held (ordinal)
              where work.job_id = :job_id and work.kind in ('chunk', 'part', 'merge') and work.state in ('queued', 'leased', 'rendering')
                and held.ordinal = rendered.ordinal
          )
      and exists (
              select from files
              where files.job_id = rendered.source_job and files.ordinal = rendered.source_ordinal
                and files.generation = rendered.source_generation and files.kind = 'frame'
          )
    order by rendered.ordinal, rendered.at desc
    limit :limit
), results as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id)
    select :job_id, ordinal, :generation, frame, 'reused', 'reused', attempt_id from found
    on conflict do nothing
    returning ordinal, frame
), copied as (
    insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                          media_type, width, height)
    select gen_random_uuid(), files.project_id, :job_id, found.ordinal, :generation, files.kind, files.name,
           files.storage_key, files.size_bytes, files.sha256, files.media_type, files.width, files.height
    from results
    join found on found.ordinal = results.ordinal
    join files on files.job_id = found.source_job and files.ordinal = found.source_ordinal
              and files.generation = found.source_generation
), counted as (
    update job set reused = reused + (select count(*) from results) where id = :job_id
)
select (select count(*) from results) as taken,
       (select coalesce(json_agg(json_build_object('ordinal', first.ordinal, 'frame', first.frame)), '[]')
        from (select ordinal, frame from results order by ordinal limit :listed) as first) as frames
