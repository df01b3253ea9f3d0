"""How far a job is and how long it may take: arithmetic over its counters."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from jobs.planning import WaitReason
from jobs.states import JobState

_WAITS_BY_STATE = {
    JobState.PAUSED: WaitReason.PAUSED,
    JobState.AWAITING_APPROVAL: WaitReason.APPROVAL,
    JobState.BLOCKED: WaitReason.DEPENDENCY,
}

_NOT_LOOKED_AT = ("scheduling", "The dispatcher has not looked at it yet.")

_MOVING = frozenset({JobState.RUNNING, JobState.QUEUED, JobState.FINISHING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """What the counters say."""

    progress: float
    frames_per_second: float | None
    eta_seconds: float | None


def pace_of(
    *,
    state: JobState,
    total: int,
    resolved: int,
    rendered: int,
    seconds_per_frame: float | None,
    replicas: int,
    running_since: datetime | None,
    ended_at: datetime | None,
    now: datetime,
) -> Pace:
    """Progress, the mean pace since it last began to run, and an estimate of the time left.

    ``rendered``: frames since then. Reused frames take no time and would make the rest look fast, so only rendered
    ones make the pace; a week before a retry, a pause or a wait for approval would make it look slow. The estimate is
    frames left times ``seconds_per_frame`` over the ``replicas`` that render: the wall clock holds the loading of the
    scene, which no frame to come waits for.
    """
    elapsed = ((ended_at or now) - running_since).total_seconds() if running_since is not None else 0.0
    per_second = rendered / elapsed if rendered and elapsed > 0 else None
    eta: float | None = None
    if state in _MOVING and resolved >= total:
        eta = 0.0
    elif state is JobState.RUNNING and rendered and seconds_per_frame is not None:
        eta = (total - resolved) * seconds_per_frame / max(1, replicas)
    return Pace(progress=resolved / total, frames_per_second=per_second, eta_seconds=eta)


def wait_of(*, state: JobState, reason: str | None) -> tuple[str, str] | None:
    """(reason, words) of a job that has work which no replica has; None for one that waits for nothing."""
    by_state = _WAITS_BY_STATE.get(state)
    if by_state is not None:
        return by_state.value, by_state.words
    if state not in (JobState.QUEUED, JobState.RUNNING):
        return None
    if reason is None:
        return _NOT_LOOKED_AT if state is JobState.QUEUED else None
    try:
        return reason, WaitReason(reason).words
    except ValueError:  # written by a newer dispatcher
        return reason, reason.replace("_", " ")
