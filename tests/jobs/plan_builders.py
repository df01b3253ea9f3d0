"""Builders of what a test of the planner starts from; each takes keyword overrides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from jobs.plan import make_plan
from jobs.planning import Carve, JobView, Plan, PlanSettings, ReplicaView, Snapshot

SETTINGS = PlanSettings()


def replica(number: int, **changes: Any) -> ReplicaView:
    values: dict[str, Any] = {"id": UUID(int=number), "pool": "default", "node": f"n{number}", "engines": {"fake": "1"}}
    return ReplicaView(**(values | changes))


def job(**changes: Any) -> JobView:
    values: dict[str, Any] = {
        "id": uuid4(),
        "project_id": uuid4(),
        "pipeline": "fake",
        "model_digest": "m",
        "uncarved": 100,
        "frame_seconds": 1.0,
    }
    return JobView(**(values | changes))


def plan(
    replicas: Sequence[ReplicaView], jobs: Sequence[JobView], settings: PlanSettings = SETTINGS, **more: Any
) -> Plan:
    return make_plan(Snapshot(replicas=tuple(replicas), jobs=tuple(jobs), **more), settings)


def chunks_of(made: Plan, view: JobView) -> int:
    """Chunks that the plan gives to a job."""
    return sum(placement.job_id == view.id for placement in made.placements)


def frames_of(made: Plan, view: JobView) -> int:
    """Frames that the plan carves of a job."""
    return sum(
        placement.frames
        for placement in made.placements
        if isinstance(placement, Carve) and placement.job_id == view.id
    )
