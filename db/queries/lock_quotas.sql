-- The project's quotas, locked where it has any, so that two jobs do not take the same room.
select quota.queued_frames, quota.pixels_per_frame, quota.pixels_per_job, quota.stored_bytes, project.slug
from project_quota as quota join project on project.id = quota.project_id
where quota.project_id = :project_id
for no key update of quota
