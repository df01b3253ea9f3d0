"""Keeps machines to their schedules: disables those outside of their hours or in use, and enables them again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from db.errors import DatabaseUnavailable, LostLeadership
from db.schedules import MachineRow, let_render, let_rest, list_machines, list_schedules
from db.session import Database
from db.workers import DisabledBy
from jobs.schedules import Schedule, rest_of

_log = structlog.get_logger(__name__)


class Scheduler:
    """A loop (``cluster.loops.base``). The rows are the truth; a machine without a live replica is left as it is."""

    name = "schedules"

    def __init__(
        self,
        *,
        database: Database,
        cluster_id: str,
        every: timedelta,
        silent_after: timedelta,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._cluster_id = cluster_id
        self.every = every
        self._silent_after = silent_after
        self._clock = clock

    async def tick(self, epoch: int) -> int:
        """Machines that were told something now."""
        async with self._database.transaction() as tx:
            schedules = [(row.name, row.schedule) for row in await list_schedules(tx)]
            machines = await list_machines(tx, cluster_id=self._cluster_id, timeout=self._silent_after)
        told = 0
        for machine in machines:
            try:
                told += await self._keep(machine, schedules, epoch)
            except (LostLeadership, DatabaseUnavailable):
                raise
            except Exception:  # the others have their hours too
                _log.exception("machine not scheduled", action="schedule.failed", node=machine.name)
        return told

    async def _keep(self, machine: MachineRow, schedules: list[tuple[str, Schedule]], epoch: int) -> bool:
        own = [each for each in schedules if each[1].covers(node=machine.name, labels=machine.labels)]
        quiet = None if machine.quiet_s is None else timedelta(seconds=machine.quiet_s)
        rest = rest_of(own, now=self._clock(), quiet=quiet)
        by_schedule = machine.disabled and machine.disabled_by == DisabledBy.SCHEDULE
        if rest is None and by_schedule:
            kept = await let_render(self._database, cluster_id=self._cluster_id, name=machine.name, epoch=epoch)
        elif rest is not None and (not machine.disabled or (by_schedule and machine.reason != rest.reason)):
            # Already at rest for another reason: only its words change, and what renders has been told before.
            told = rest.model_copy(update={"give_back": rest.give_back and not machine.disabled})
            kept = await let_rest(
                self._database, cluster_id=self._cluster_id, name=machine.name, rest=told, epoch=epoch
            )
        else:
            return False
        if kept:
            _log.info("machine scheduled", action="schedule.applied", node=machine.name, rests=rest is not None)
        return kept
