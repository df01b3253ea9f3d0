"""What a process that runs tasks tells of each: that it has begun, and how it has ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from jobs.errors import RayfarmError, Unavailable
from jobs.states import EndReason

_MESSAGE_CHARACTERS = 2000


@dataclass(frozen=True, slots=True)
class TaskFailure:
    """Why a task that wrote no result goes back to the queue."""

    message: str
    """Users may read it."""
    outage: bool = False
    """What the farm needs did not answer: tried again at no cost."""
    reason: EndReason = EndReason.INFRA
    remedy: str | None = None
    """What the error itself says can be done."""

    @property
    def words(self) -> str:
        return f"{self.message} {self.remedy}" if self.remedy else self.message


@dataclass(frozen=True, slots=True)
class TaskBegun:
    work_id: int


@dataclass(frozen=True, slots=True)
class TaskEnded:
    """``failure`` None: the task has written its own result."""

    work_id: int
    failure: TaskFailure | None = None


TaskNews = TaskBegun | TaskEnded
Hear = Callable[[TaskNews], Awaitable[None]]


def failure_of(error: Exception) -> TaskFailure:
    cause = getattr(error, "cause", None) or error  # Ray wraps what a task raised
    outage = isinstance(cause, (Unavailable, ConnectionError))
    remedy = cause.remedy if isinstance(cause, RayfarmError) else None
    return TaskFailure(_words_of(cause), outage=outage, remedy=remedy and remedy[:_MESSAGE_CHARACTERS])


def _words_of(cause: BaseException) -> str:
    """What users may read: our own errors' words; of others the kind, as their text holds tracebacks and paths."""
    if isinstance(cause, RayfarmError):
        return cause.message[:_MESSAGE_CHARACTERS]
    if isinstance(cause, ConnectionError):
        return f"Something that the farm needs does not answer ({type(cause).__name__}); it is tried again by itself."
    return f"The farm met an error of its own ({type(cause).__name__}); its log says more."
