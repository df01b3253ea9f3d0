"""What a chunk that renders is made of: frames that its engine was asked for, and why it may stop before its end."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from uuid import UUID

from pipelines.base import FrameOutput


class Stop(StrEnum):
    """Why a chunk stops before its end."""

    CANCELED = "canceled"
    """The job is canceled: kill the engine, end the work row."""
    LOST = "lost"
    """Somebody else owns the chunk now: kill the engine, write nothing."""
    DRAIN = "drain"
    """The replica leaves, or the project's money ran out: finish the frame that renders, give the rest back."""
    TAKEN = "taken"
    """The machine goes before the frame could end: kill the engine, give all back."""


@dataclass(slots=True)
class EngineClock:
    """Shares an engine's time out among its frames: to each what passed since it was asked for, or the answer before.

    What an engine says of its own times is a scene's word. Of this it can move time from one frame to the next, and
    keep none of what it was waited for.
    """

    now: Callable[[], float] = time.monotonic
    _answered_at: float = field(init=False, default=-math.inf)

    def answered_ms(self, asked_at: float) -> float:
        """The answer to a frame that was asked for then has come: its time."""
        begun, self._answered_at = max(asked_at, self._answered_at), self.now()
        return (self._answered_at - begun) * 1000


@dataclass(slots=True)
class Flight:
    """A frame that the engine has been asked for."""

    ordinal: int
    frame: int
    attempt_id: UUID
    scratch: Path
    warm: bool
    task: asyncio.Task[tuple[FrameOutput, float]]
    """Ends with the frame and its ``engine_ms``."""
    started_at: float = 0.0
    """Seconds since the epoch; 0 while an earlier frame renders."""
    log_from: int = 0
    """Where the engine's log stood then."""
    queue_ms: float = 0.0
    """From the chunk's being put in line to the frame's start, without the load of its model."""
