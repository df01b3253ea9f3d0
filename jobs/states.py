"""States, end reasons and the transition table: data that code, database checks, docs and tests all read."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from enum import StrEnum

from jobs.errors import Conflict


class JobState(StrEnum):
    """Where a job stands. Drawn in ``docs/architecture/job-states.md`` from ``JOB_TRANSITIONS``."""

    BLOCKED = "blocked"
    """Waits for a job that it depends on."""
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    """Frames already rendering finish; no other starts."""
    AWAITING_APPROVAL = "awaiting_approval"
    """The scout frames are done; a person decides about the rest."""
    CANCELING = "canceling"
    FINISHING = "finishing"
    """Every frame has its result; required outputs (video) are being made."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_JOB_STATES


TERMINAL_JOB_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELED})


class FrameState(StrEnum):
    """Where a frame stands: its result if it has one, else the state of the work row that holds it."""

    QUEUED = "queued"
    LEASED = "leased"
    RENDERING = "rendering"
    COMMITTED = "committed"
    REUSED = "reused"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def is_terminal(self) -> bool:
        return self in TERMINAL_FRAME_STATES

    @property
    def has_image(self) -> bool:
        return self in (FrameState.COMMITTED, FrameState.REUSED)


TERMINAL_FRAME_STATES = frozenset(
    {FrameState.COMMITTED, FrameState.REUSED, FrameState.FAILED, FrameState.CANCELED, FrameState.SKIPPED}
)


class WorkKind(StrEnum):
    """What a row of the queue holds."""

    RANGE = "range"
    """Ordinals of a job that no chunk has been carved from yet."""
    CHUNK = "chunk"
    """Consecutive ordinals handed to one replica in one call."""
    PART = "part"
    """A slice of one frame."""
    MERGE = "merge"
    """The parts of one frame become the frame."""
    POST = "post"
    """A step behind the frames that a Ray task executes: preview, video."""
    PROBE = "probe"
    """The first opening of a model, in a throwaway process."""


class WorkState(StrEnum):
    QUEUED = "queued"
    LEASED = "leased"
    RENDERING = "rendering"
    DONE = "done"
    FAILED = "failed"
    CANCELED = "canceled"


class Fault(StrEnum):
    """Who is to blame for a failed attempt; each class has a ceiling of its own."""

    NONE = "none"
    TASK = "task"
    """The scene or its settings: spends one of the job's tries."""
    WORKER = "worker"
    """The process or machine: spends no try."""
    RESOURCE = "resource"
    """Memory or a licence ran out: spends no try."""
    INTERRUPTION = "interruption"
    """Drain, spot notice, upgrade, cancel: costs nothing at all."""


class EndReason(StrEnum):
    """Why a job, frame or attempt ended."""

    OK = "ok"
    REUSED = "reused"
    USER_CANCEL = "user_cancel"
    USER_SKIP = "user_skip"
    DEADLINE = "deadline"
    BUDGET = "budget"
    """No job ends by it: work of a project whose money ran out waits, and goes on when there is more."""
    ENGINE_ERROR = "engine_error"
    ENGINE_CRASH = "engine_crash"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    OUT_OF_MEMORY = "out_of_memory"
    BAD_OUTPUT = "bad_output"
    MODEL_INVALID = "model_invalid"
    DEPENDENCY_FAILED = "dependency_failed"
    WORKER_LOST = "worker_lost"
    INTERRUPTED = "interrupted"
    INFRA = "infra"

    @property
    def facts(self) -> ReasonFacts:
        return REASONS[self]


@dataclass(frozen=True, slots=True)
class ReasonFacts:
    """What follows from an end reason."""

    fault: Fault
    retryable: bool
    words: str
    """One sentence for the user."""


REASONS: dict[EndReason, ReasonFacts] = {
    EndReason.OK: ReasonFacts(Fault.NONE, False, "Done."),
    EndReason.REUSED: ReasonFacts(Fault.NONE, False, "An identical frame was already rendered, so it was reused."),
    EndReason.USER_CANCEL: ReasonFacts(Fault.INTERRUPTION, False, "Canceled on request."),
    EndReason.USER_SKIP: ReasonFacts(Fault.INTERRUPTION, False, "Skipped on request."),
    EndReason.DEADLINE: ReasonFacts(Fault.INTERRUPTION, False, "The job's deadline passed."),
    EndReason.BUDGET: ReasonFacts(Fault.INTERRUPTION, False, "The project's budget is spent."),
    EndReason.ENGINE_ERROR: ReasonFacts(Fault.TASK, True, "The renderer reported an error."),
    EndReason.ENGINE_CRASH: ReasonFacts(Fault.WORKER, True, "The renderer crashed."),
    EndReason.TIMEOUT: ReasonFacts(Fault.TASK, True, "The frame took longer than its time limit."),
    EndReason.STALLED: ReasonFacts(Fault.TASK, True, "The renderer made no progress for too long."),
    EndReason.OUT_OF_MEMORY: ReasonFacts(Fault.RESOURCE, True, "The renderer ran out of memory."),
    EndReason.BAD_OUTPUT: ReasonFacts(Fault.TASK, True, "The picture failed its checks (size, format, NaN)."),
    EndReason.MODEL_INVALID: ReasonFacts(Fault.TASK, False, "The model cannot be rendered as it is."),
    EndReason.DEPENDENCY_FAILED: ReasonFacts(Fault.TASK, False, "A job that this one depends on failed."),
    EndReason.WORKER_LOST: ReasonFacts(Fault.WORKER, True, "The worker stopped answering."),
    EndReason.INTERRUPTED: ReasonFacts(Fault.INTERRUPTION, True, "The worker was drained or taken away."),
    EndReason.INFRA: ReasonFacts(Fault.WORKER, True, "Storage or the database failed."),
}


class JobCommand(StrEnum):
    """What can happen to a job; each is a row of ``JOB_TRANSITIONS``."""

    START = "start"
    CANCEL = "cancel"
    CANCELED = "canceled"
    PAUSE = "pause"
    RESUME = "resume"
    BLOCK = "block"
    UNBLOCK = "unblock"
    SCOUTED = "scouted"
    APPROVE = "approve"
    FINISH = "finish"
    SUCCEED = "succeed"
    FAIL = "fail"
    RETRY = "retry"
    REQUEUE = "requeue"
    """Frames that have their picture are rendered again."""


JOB_TRANSITIONS: dict[JobCommand, dict[JobState, JobState]] = {
    JobCommand.BLOCK: {JobState.QUEUED: JobState.BLOCKED},
    JobCommand.UNBLOCK: {JobState.BLOCKED: JobState.QUEUED},
    JobCommand.START: {JobState.QUEUED: JobState.RUNNING},
    JobCommand.PAUSE: {JobState.QUEUED: JobState.PAUSED, JobState.RUNNING: JobState.PAUSED},
    JobCommand.RESUME: {JobState.PAUSED: JobState.QUEUED},
    JobCommand.SCOUTED: {JobState.RUNNING: JobState.AWAITING_APPROVAL},
    JobCommand.APPROVE: {JobState.AWAITING_APPROVAL: JobState.RUNNING},
    JobCommand.CANCEL: dict.fromkeys(
        (
            JobState.BLOCKED,
            JobState.QUEUED,
            JobState.RUNNING,
            JobState.PAUSED,
            JobState.AWAITING_APPROVAL,
            JobState.FINISHING,
        ),
        JobState.CANCELING,
    ),
    JobCommand.CANCELED: {JobState.CANCELING: JobState.CANCELED},
    JobCommand.FINISH: {
        JobState.BLOCKED: JobState.FINISHING,
        JobState.QUEUED: JobState.FINISHING,
        JobState.RUNNING: JobState.FINISHING,
        JobState.PAUSED: JobState.FINISHING,
        JobState.AWAITING_APPROVAL: JobState.FINISHING,
    },
    JobCommand.SUCCEED: {JobState.FINISHING: JobState.SUCCEEDED},
    JobCommand.FAIL: {
        JobState.BLOCKED: JobState.FAILED,
        JobState.QUEUED: JobState.FAILED,
        JobState.RUNNING: JobState.FAILED,
        JobState.PAUSED: JobState.FAILED,
        JobState.AWAITING_APPROVAL: JobState.FAILED,
        JobState.FINISHING: JobState.FAILED,
    },
    JobCommand.RETRY: {JobState.FAILED: JobState.QUEUED, JobState.CANCELED: JobState.QUEUED},
    JobCommand.REQUEUE: {
        JobState.SUCCEEDED: JobState.QUEUED,
        JobState.FINISHING: JobState.QUEUED,
        JobState.AWAITING_APPROVAL: JobState.QUEUED,
    },
}
"""command -> {state it is allowed in -> state it leads to}.

A terminal state is left only by RETRY or REQUEUE, which open a new generation of the job.
"""


ASKED_FOR = (
    JobCommand.PAUSE,
    JobCommand.RESUME,
    JobCommand.APPROVE,
    JobCommand.CANCEL,
    JobCommand.RETRY,
    JobCommand.REQUEUE,
)
"""Commands of people; the others follow from what happens."""

REOPENING = (JobCommand.RETRY, JobCommand.REQUEUE)
"""Commands that let a job that has ended go on."""


def next_state(state: JobState, command: JobCommand) -> JobState:
    """The state that ``command`` leads to; ``Conflict`` names the state and what is allowed in it."""
    target = JOB_TRANSITIONS[command].get(state)
    if target is None:
        raise refusal(state, command)
    return target


def refusal(state: JobState, command: str) -> Conflict:
    """The error that says why ``command`` is refused: the state, and what a person may do in it."""
    allowed = may_ask_for(state)
    return Conflict(
        f"The job is {state.replace('_', ' ')}: no {command} now.",
        remedy=f"Allowed now: {', '.join(allowed) or 'nothing'}.",
        state=str(state),
        allowed=allowed,
    )


def may_ask_for(state: JobState, *, but_not: Container[JobCommand] = ()) -> list[str]:
    """What a person may command in ``state``; without those that something else than the state refuses."""
    return [str(name) for name in allowed_commands(state) if name in ASKED_FOR and name not in but_not]


def allowed_commands(state: JobState) -> tuple[JobCommand, ...]:
    """Commands that the table allows in ``state``, in the order of the table."""
    return tuple(command for command, moves in JOB_TRANSITIONS.items() if state in moves)
