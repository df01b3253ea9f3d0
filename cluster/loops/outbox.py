"""Tells events to receivers outside, at least once and each job's in their order; the durable half is ``db.loops``."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog

from cluster.loops.base import Loop
from cluster.loops.deliver import Deliver, NotTaken
from cluster.loops.settings import LoopSettings
from db.errors import DatabaseUnavailable, LostLeadership
from db.loops import Delivery, claim_deliveries, fail_delivery, finish_delivery, keep_targets
from db.session import Database

_log = structlog.get_logger(__name__)

_TICK = timedelta(seconds=10)
"""How long a tick goes on to take the next event of a job; what is left waits for the next tick."""


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
        heads = await claim_deliveries(
            self._database, target=self._target, limit=self._settings.delivery_jobs, lease=self._lease, epoch=epoch
        )
        until = time.monotonic() + _TICK.total_seconds()
        told = await asyncio.gather(*(self._tell_job(head, until, epoch) for head in heads), return_exceptions=True)
        for outcome in told:
            if isinstance(outcome, BaseException):
                raise outcome
        return sum(count for count in told if isinstance(count, int))

    async def _tell_job(self, delivery: Delivery, until: float, epoch: int) -> int:
        told = 0
        try:
            while await self._tell(delivery, epoch):
                told += 1
                if time.monotonic() >= until:
                    break
                behind = await claim_deliveries(
                    self._database,
                    target=self._target,
                    job_id=delivery.job_id,
                    limit=1,
                    lease=self._lease,
                    epoch=epoch,
                )
                if not behind:
                    break
                delivery = behind[0]
        except (LostLeadership, DatabaseUnavailable):
            raise
        except Exception:
            _log.exception("delivery_broke", outbox_id=delivery.id, job_id=str(delivery.job_id))
        return told

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
        if attempts >= self._settings.delivery_attempts:
            return None
        doubled = self._settings.delivery_first_pause * 2.0 ** min(attempts - 1, 20)
        return min(doubled, self._settings.delivery_longest_pause) * random.uniform(0.8, 1.0)  # noqa: S311 - jitter


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
