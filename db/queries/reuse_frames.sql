-- Frames of this project that were rendered from the same inputs become results of this job: the artifact rows are new,
-- the files in storage are those of the first. One statement whatever the number of frames.
with mine as (
    select project_id, render_key from job where id = :job_id
), wanted as (
    select * from jsonb_to_recordset(cast(:runs as jsonb)) as run (
        start integer, first integer, step integer, low integer, high integer
    )
), held as (
    select distinct unnest(ordinals) as ordinal from work
    where job_id = :job_id and kind = 'chunk' and state in ('queued', 'leased', 'rendering')
), found as (
    select distinct on (ordinal) wanted.start + (done.frame - wanted.first) / wanted.step as ordinal, done.frame,
           done.attempt_id, done.job_id as source_job, done.ordinal as source_ordinal,
           done.generation as source_generation
    from mine
    join job as source on source.project_id = mine.project_id and source.render_key = mine.render_key
    join frame_result as done on done.job_id = source.id and done.state = 'committed'
    join wanted on done.frame between wanted.low and wanted.high and (done.frame - wanted.first) % wanted.step = 0
    where source.id <> :job_id
      and not exists (
          select from frame_result as result
          where result.job_id = :job_id and result.generation = :generation
            and result.ordinal = wanted.start + (done.frame - wanted.first) / wanted.step
      )
      and not exists (select from held where held.ordinal = wanted.start + (done.frame - wanted.first) / wanted.step)
      and exists (
          select from artifact
          where artifact.job_id = done.job_id and artifact.ordinal = done.ordinal
            and artifact.generation = done.generation and artifact.kind = 'frame'
      )
    order by ordinal, done.at
    limit :limit
), results as (
    insert into frame_result (job_id, ordinal, generation, frame, state, end_reason, attempt_id)
    select :job_id, ordinal, :generation, frame, 'reused', 'reused', attempt_id from found
    on conflict do nothing
    returning ordinal, frame
), files as (
    insert into artifact (id, project_id, job_id, ordinal, generation, kind, name, storage_key, size_bytes, sha256,
                          media_type, width, height)
    select gen_random_uuid(), source.project_id, :job_id, found.ordinal, :generation, source.kind, source.name,
           source.storage_key, source.size_bytes, source.sha256, source.media_type, source.width, source.height
    from results
    join found on found.ordinal = results.ordinal
    join artifact as source
      on source.job_id = found.source_job and source.ordinal = found.source_ordinal
     and source.generation = found.source_generation and source.kind in ('frame', 'extra', 'preview')
), counted as (
    update job set reused = reused + (select count(*) from results) where id = :job_id
)
select (select count(*) from results) as taken,
       (select coalesce(json_agg(json_build_object('ordinal', first.ordinal, 'frame', first.frame)), '[]')
        from (select ordinal, frame from results order by ordinal limit :listed) as first) as frames
