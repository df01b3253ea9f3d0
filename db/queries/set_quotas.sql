insert into project_quota as known (project_id, slots, running_jobs, queued_frames, pixels_per_frame, pixels_per_job,
                                    stored_bytes)
values (:project_id, :slots, :running_jobs, :queued_frames, :pixels_per_frame, :pixels_per_job, :stored_bytes)
on conflict (project_id) do update set
    slots = excluded.slots, running_jobs = excluded.running_jobs, queued_frames = excluded.queued_frames,
    pixels_per_frame = excluded.pixels_per_frame, pixels_per_job = excluded.pixels_per_job,
    stored_bytes = excluded.stored_bytes, updated_at = now()
