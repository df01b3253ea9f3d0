"""What a person may do to frames of a job, as a table: action -> state of the frame -> what happens to it."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from jobs.errors import Conflict, InvalidInput
from jobs.frames import FrameRange
from jobs.states import FrameState


class FrameAction(StrEnum):
    SKIP = "skip"
    """Not rendered; the job can succeed without it."""
    REQUEUE = "requeue"
    """Rendered, also where it has a picture; that one stays until the new one is there."""
    RETRY = "retry"
    """Rendered where it failed or was canceled; what has a picture keeps it."""


class Effect(StrEnum):
    NOTHING = "nothing"
    REOPEN = "reopen"
    SKIP = "skip"


FRAME_ACTIONS: dict[FrameAction, dict[FrameState, Effect]] = {
    FrameAction.SKIP: {
        FrameState.QUEUED: Effect.SKIP,
        FrameState.FAILED: Effect.SKIP,
        FrameState.CANCELED: Effect.SKIP,
        FrameState.SKIPPED: Effect.NOTHING,
    },
    FrameAction.REQUEUE: {
        FrameState.QUEUED: Effect.NOTHING,
        FrameState.COMMITTED: Effect.REOPEN,
        FrameState.REUSED: Effect.REOPEN,
        FrameState.FAILED: Effect.REOPEN,
        FrameState.CANCELED: Effect.REOPEN,
        FrameState.SKIPPED: Effect.REOPEN,
    },
    FrameAction.RETRY: {
        **dict.fromkeys(FrameState, Effect.NOTHING),
        FrameState.FAILED: Effect.REOPEN,
        FrameState.CANCELED: Effect.REOPEN,
    },
}
"""A state that an action does not list refuses it, and then nothing happens to any frame."""

_SHOWN = 20
"""Frames that an error names."""


def refuse_frames(action: FrameAction, state: FrameState, frames: Iterable[int], count: int) -> Conflict:
    """The error for frames whose state does not allow the action."""
    shown = sorted(frames)[:_SHOWN]
    named = ", ".join(map(str, shown)) + ("…" if count > len(shown) else "")
    held = state in (FrameState.LEASED, FrameState.RENDERING)
    plural = count > 1
    what = "being rendered" if held else str(state)
    return Conflict(
        f"Frame{'s' if plural else ''} {named} {'are' if plural else 'is'} {what}: no {action}. Nothing was changed.",
        remedy="Leave them out, or ask again once they are done." if held else "Leave them out.",
        state=str(state),
        frames=shown,
        count=count,
        allowed=[str(name) for name, moves in FRAME_ACTIONS.items() if state in moves],
    )


def ordinals_in(frames: FrameRange, selection: str) -> list[int]:
    """Ordinals of the frames that ``selection`` names, sorted. ``InvalidInput`` where the job lacks one of them."""
    wanted = FrameRange.parse(selection)
    # A long selection is looked up in a table: runs times runs would be slow where both are many.
    table = {frame: ordinal for ordinal, frame in enumerate(frames)} if len(frames.runs) > 16 else None
    found: list[int] = []
    missing: list[int] = []
    for frame in wanted:
        ordinal = _place(frames, frame) if table is None else table.get(frame)
        if ordinal is None:
            missing.append(frame)
        else:
            found.append(ordinal)
    if missing:
        shown = ", ".join(map(str, missing[:_SHOWN])) + ("…" if len(missing) > _SHOWN else "")
        raise InvalidInput(
            f"The job has no frame {shown}.", field="frames", remedy=f"Its frames are {str(frames)[:200]}."
        )
    return sorted(found)


def _place(frames: FrameRange, frame: int) -> int | None:
    return frames.ordinal_of(frame) if frame in frames else None
