"""Tells events to receivers outside, at least once and each job's in their order; the durable half is ``db.loops``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog

from cluster.loops.base import Loop
from cluster.loops.deliver import Deliver, NotTaken
from cluster.loops.settings import LoopSettings
from cluster.loops.streams import follow_streams, pause_after
from db.loops import Delivery, fail_delivery, finish_delivery, keep_targets
from db.session import Database

_log = structlog.get_logger(__name__)


class TargetKeeper:
    """Makes the rows that the trigger on events reads equal to the settings."""

    name = "targets"
    every = timedelta(seconds=30)

    def __init__(self, *, database: Database, cluster_id: str, targets: Sequence[str]) -> None:
        self._database = database
        self._cluster_id = cluster_id
        self._targets = targets

    async def tick(self, epoch: int) -> int:
        return await keep_targets(self._database, cluster_id=self._cluster_id, urls=self._targets, epoch=epoch)


class OutboxSender:
    """One target. Each has a loop of its own, so that a receiver that hangs holds up nobody but itself."""

    def __init__(self, *, name: str, target: str, database: Database, settings: LoopSettings, deliver: Deliver) -> None:
        self.name = name
        self.every = settings.delivery_every
        self._target = target
        self._database = database
        self._settings = settings
        self._deliver = deliver
        self._lease = 2 * settings.delivery_timeout + timedelta(seconds=5)
        """How long a claimed event is left to its sender: above the time-out, so that nobody posts it beside him."""

    async def tick(self, epoch: int) -> int:
        """Post the oldest due event of some jobs at once, and of each the next ones while they are taken."""
        return await follow_streams(
            self._database,
            target=self._target,
            streams=self._settings.delivery_jobs,
            lease=self._lease,
            epoch=epoch,
            tell=lambda delivery: self._tell(delivery, epoch),
        )

    async def _tell(self, delivery: Delivery, epoch: int) -> bool:
        """Whether the target has it, or it was given up, so that the next one is due."""
        try:
            await self._deliver(self._target, _payload(delivery))
        except NotTaken as error:
            pause = self._pause(delivery.attempts)
            _log.warning(
                "event_not_taken", loop=self.name, outbox_id=delivery.id, attempts=delivery.attempts, error=str(error)
            )
            await fail_delivery(self._database, delivery, error=str(error), pause=pause, epoch=epoch)
            return pause is None
        return await finish_delivery(self._database, delivery, epoch=epoch)

    def _pause(self, attempts: int) -> timedelta | None:
        """Before the next attempt; None once there were enough."""
        settings = self._settings
        return pause_after(
            attempts,
            most=settings.delivery_attempts,
            first=settings.delivery_first_pause,
            longest=settings.delivery_longest_pause,
        )


def outbox_loops(*, database: Database, cluster_id: str, settings: LoopSettings, deliver: Deliver) -> tuple[Loop, ...]:
    """The keeper of the targets, and a sender for each."""
    senders: dict[str, Loop] = {}
    for target in settings.event_targets:
        name = host = f"outbox {urlsplit(target).hostname}"  # not the URL: it may hold a secret
        if host in senders:
            name = f"{host} {len(senders) + 1}"
        senders[name] = OutboxSender(name=name, target=target, database=database, settings=settings, deliver=deliver)
    keeper = TargetKeeper(database=database, cluster_id=cluster_id, targets=settings.event_targets)
    return (keeper, *senders.values())


def _payload(delivery: Delivery) -> dict[str, Any]:
    return {
        "id": delivery.event_id,
        "kind": delivery.kind,
        "job": str(delivery.job_id),
        "project": str(delivery.project_id),
        "seq": delivery.seq,
        "at": delivery.at.isoformat(),
        "data": delivery.data,
    }
