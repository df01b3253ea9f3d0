"""What a job would cost, from what is known; nothing is made up where nothing is."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """Times in seconds; None where there is nothing to go by, and ``unknown`` says why."""

    frames: int
    reused: int | None
    to_render: int | None
    seconds_per_frame: float | None
    slot_seconds: float | None
    replicas: int
    expected_seconds: float | None
    unknown: dict[str, str] = field(default_factory=dict)


def estimate(
    *,
    frames: int,
    reused: int | None,
    seconds_per_frame: float | None,
    replicas: int,
    max_replicas: int | None = None,
    why_no_replica: str | None = None,
) -> Estimate:
    """Arithmetic over what was measured.

    ``reused``: None where no replica says which engine would render it. ``replicas``: those that fit, as if free.
    ``why_no_replica``: what is known of that where they are none.
    """
    unknown: dict[str, str] = {}
    if reused is None:
        unknown["reused"] = "No worker that fits is up, so the engine version that decides it is not known."
    if seconds_per_frame is None:
        unknown["seconds_per_frame"] = "No frame of this scene has been rendered yet; render one to know."
    to_render = None if reused is None else frames - reused
    most = frames if to_render is None else to_render  # without the reused ones it is an upper bound
    slot_seconds = None if seconds_per_frame is None and most else (seconds_per_frame or 0.0) * most
    if slot_seconds is None:
        unknown["slot_seconds"] = unknown["seconds_per_frame"]
    at_once = min(replicas, max_replicas or replicas, max(most, 1))
    expected: float | None = None
    if most == 0:
        expected = 0.0
    elif not at_once:
        unknown["expected_seconds"] = why_no_replica or "No worker that fits is up."
    elif seconds_per_frame is None:
        unknown["expected_seconds"] = unknown["seconds_per_frame"]
    else:
        expected = math.ceil(most / at_once) * seconds_per_frame
    return Estimate(
        frames=frames,
        reused=reused,
        to_render=to_render,
        seconds_per_frame=seconds_per_frame,
        slot_seconds=slot_seconds,
        replicas=replicas,
        expected_seconds=expected,
        unknown=unknown,
    )
