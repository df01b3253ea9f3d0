-- Frames of this project that were rendered from the same inputs become results of this job: the artifact rows are new,
-- the files in storage are those of the first. The caller says which frame of which job may stand for which of ours, so
-- that the large tables are read by their keys, a stretch at a time, and all else by hash (it switches nested loops off:
-- a guess of a planner without statistics would cost minutes). The newest picture of a frame is taken: an older one may
-- have been thrown out. A frame that has a result of its own here is rendered, whatever others have. Of extra files only
-- those of the frame's own attempt come along: others were made by a step that a person asked for.
with wanted as materialized (
    select * from unnest(cast(:ordinals as integer[]), cast(:frames as integer[]), cast(:source_jobs as uuid[]),
                         cast(:source_ordinals as integer[])) as pair (ordinal, frame, source_job, source_ordinal)
), files as materialized (
    select * from artifact
    where job_id = any(cast(:sources as uuid[])) and ordinal = any(cast(:source_ordinals as integer[]))
      and kind in ('frame', 'extra', 'preview') and deleted_at is null
), done as materialized (
    select job_id, ordinal, generation, attempt_id, at from frame_result
    where job_id = any(cast(:sources as uuid[])) and ordinal = any(cast(:source_ordinals as integer[]))
      and state = 'committed'
), resolved as materialized (
    select ordinal from frame_result
    where job_id = :job_id and ordinal = any(cast(:ordinals as integer[]))
), held as materialized (
    select unnest(ordinals) as ordinal from work
    where job_id = :job_id and kind in ('chunk', 'part', 'merge') and state in ('queued', 'leased', 'rendering')
), found as materialized (
    select distinct on (wanted.ordinal) wanted.ordinal, wanted.frame, done.attempt_id, done.job_id as source_job,
           done.ordinal as source_ordinal, done.generation as source_generation
    from wanted
    join done on done.job_id = wanted.source_job and done.ordinal = wanted.source_ordinal
    where wanted.ordinal not in (select ordinal from resolved) and wanted.ordinal not in (select ordinal from held)
      and exists (
              select from files
              where files.job_id = done.job_id and files.ordinal = done.ordinal
                and files.generation = done.generation and files.kind = 'frame'
          )
    order by wanted.ordinal, done.at desc
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
              and (files.kind <> 'extra' or strpos(files.storage_key, cast(found.attempt_id as text)) > 0)
), counted as (
    update job set reused = reused + (select count(*) from results) where id = :job_id
)
select (select count(*) from results) as taken,
       (select coalesce(json_agg(json_build_object('ordinal', first.ordinal, 'frame', first.frame)), '[]')
        from (select ordinal, frame from results order by ordinal limit :listed) as first) as frames
