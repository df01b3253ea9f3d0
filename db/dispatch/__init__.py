"""The leader's half of the queue. Every write carries the leader's epoch and raises ``LostLeadership`` without it."""

from db.cancel import cancel_job, fail_job
from db.dispatch.apply import AppliedPlan, apply_plan
from db.dispatch.leadership import lead, resign
from db.dispatch.pin import JobToPin, Reused, jobs_to_pin, pin_job, refuse_job, reuse_frames
from db.dispatch.rescue import finish_jobs, rescue_expired
from db.dispatch.snapshot import read_snapshot
from db.dispatch.tasks import ClaimedTask, claim_tasks, fail_task, finish_probe, finish_task, postpone_task, renew_tasks
from db.errors import LostLeadership
from db.queue.commit import NewArtifact

__all__ = [
    "AppliedPlan",
    "ClaimedTask",
    "JobToPin",
    "LostLeadership",
    "NewArtifact",
    "Reused",
    "apply_plan",
    "cancel_job",
    "claim_tasks",
    "fail_job",
    "fail_task",
    "finish_jobs",
    "finish_probe",
    "finish_task",
    "jobs_to_pin",
    "lead",
    "pin_job",
    "postpone_task",
    "read_snapshot",
    "refuse_job",
    "renew_tasks",
    "rescue_expired",
    "resign",
    "reuse_frames",
]
