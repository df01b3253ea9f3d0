"""The leader's half of the queue. Every write carries the leader's epoch and raises ``LostLeadership`` without it."""

from db.cancel import cancel_job, fail_job
from db.dispatch.apply import AppliedPlan, apply_plan
from db.dispatch.charge import charge_projects
from db.dispatch.dependents import release_blocked
from db.dispatch.expire import expire_jobs
from db.dispatch.gates import LookedAt, open_gates
from db.dispatch.leadership import DISPATCHER_ROLE, LOOPS_ROLE, lead, resign
from db.dispatch.merges import CommittedPart, finish_merge, parts_of_frame
from db.dispatch.pin import JobToPin, Reused, jobs_to_pin, pin_job, refuse_job, reuse_frames
from db.dispatch.rescue import finish_jobs, rescue_expired
from db.dispatch.snapshot import SnapshotReader, read_snapshot
from db.dispatch.tasks import ClaimedTask, claim_tasks, fail_task, finish_probe, finish_task, postpone_task, renew_tasks
from db.errors import LostLeadership
from db.queue.commit import FrameCommit, NewArtifact

__all__ = [
    "DISPATCHER_ROLE",
    "LOOPS_ROLE",
    "AppliedPlan",
    "ClaimedTask",
    "CommittedPart",
    "FrameCommit",
    "JobToPin",
    "LookedAt",
    "LostLeadership",
    "NewArtifact",
    "Reused",
    "SnapshotReader",
    "apply_plan",
    "cancel_job",
    "charge_projects",
    "claim_tasks",
    "expire_jobs",
    "fail_job",
    "fail_task",
    "finish_jobs",
    "finish_merge",
    "finish_probe",
    "finish_task",
    "jobs_to_pin",
    "lead",
    "open_gates",
    "parts_of_frame",
    "pin_job",
    "postpone_task",
    "read_snapshot",
    "refuse_job",
    "release_blocked",
    "renew_tasks",
    "rescue_expired",
    "resign",
    "reuse_frames",
]
