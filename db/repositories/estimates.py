"""What an estimate is made from: the replicas that are up, frames rendered before, and how long they took."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID

from db._query import as_json, run
from db.dispatch.pin import MOST_SOURCES
from db.session import Transaction
from jobs.frames import FrameRange


@dataclass(frozen=True, slots=True, kw_only=True)
class PresentReplica:
    labels: dict[str, str]
    engines: dict[str, str]
    device_class: str
    pool: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Mean time of a rendered frame on its replica."""

    seconds: float
    source: Literal["same_inputs", "same_model"]
    frames: int


async def present_replicas(tx: Transaction, *, timeout: timedelta) -> list[PresentReplica]:
    """Those that take work and have beaten within ``timeout``."""
    rows = (await run(tx, "present_replicas", timeout=timeout)).mappings().all()
    return [PresentReplica(**row) for row in rows]


async def count_reusable(tx: Transaction, *, project_id: UUID, render_key: str, frames: FrameRange) -> int:
    """Frames of the range that need not be rendered."""
    await run(tx, "no_nested_loops")
    runs = as_json([{"first": run_.first, "last": run_.last, "step": run_.step} for run_ in frames.runs])
    done = await run(
        tx, "count_reusable", project_id=project_id, render_key=render_key, runs=runs, sources=MOST_SOURCES
    )
    return int(done.scalar_one())


async def measured_pace(
    tx: Transaction, *, project_id: UUID, model_id: UUID, pipeline: str, render_key: str | None
) -> Pace | None:
    """None: the project has rendered no frame of this scene."""
    done = await run(
        tx, "measured_pace", project_id=project_id, model_id=model_id, pipeline=pipeline, render_key=render_key
    )
    row = done.one()
    if row.alike:
        return Pace(seconds=row.alike_ms / row.alike / 1000, source="same_inputs", frames=row.alike)
    if row.scene:
        return Pace(seconds=row.scene_ms / row.scene / 1000, source="same_model", frames=row.scene)
    return None
