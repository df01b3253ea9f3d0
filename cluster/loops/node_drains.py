"""Ray's node drains (a preemption notice, a scale-down of nodes, SIGTERM of ``ray start``) reach the replicas there.

Serve migrates replicas off a draining node by itself, but tells each only when its replacement runs, and never how
long it has. The row tells it at once: no more work, and give the frame back before the machine goes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta

from db.session import Database
from db.workers import drain_ray_nodes

RayDrains = Callable[[], Mapping[str, float | None]]
"""Ray node id -> when it goes (seconds since the epoch; None: Ray names no time). May block."""

_PATIENCE = timedelta(seconds=1)
"""For Ray's answer; a leader that waits longer would lose the lead."""

REASON = "Ray drains its node: a preemption notice, or fewer nodes are wanted."


class NodeDrains:
    """A loop of the leader (``cluster.loops.base.Loop``). Ray's list is the truth: the next leader reads it again."""

    name = "node-drains"

    def __init__(self, *, database: Database, cluster_id: str, every: timedelta, drains: RayDrains) -> None:
        if every <= timedelta(0):
            raise ValueError("node drains need a pause above zero")
        self._database = database
        self._cluster_id = cluster_id
        self._drains = drains
        self.every = every
        self._question: asyncio.Task[Mapping[str, float | None]] | None = None

    async def tick(self, epoch: int) -> int:
        """Replicas that were told now."""
        if self._question is None:
            self._question = asyncio.create_task(asyncio.to_thread(self._drains), name="ray-drains")
        await asyncio.wait({self._question}, timeout=_PATIENCE.total_seconds())
        if not self._question.done():
            return 0  # Ray's head is away; the same question is waited for again, so that no threads pile up
        question, self._question = self._question, None
        drains = question.result()
        if not drains:
            return 0
        return await drain_ray_nodes(
            self._database, cluster_id=self._cluster_id, drains=drains, reason=REASON, epoch=epoch
        )
