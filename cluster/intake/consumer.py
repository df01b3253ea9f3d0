"""The loop that takes messages in: receives, hides for as long as it works on one, and ends each in one of four ways.

Done: it is deleted. Refused: it goes to the dead-letter queue with the reason. Later: it rests, longer each time, and
after ``max_receives`` goes there too. Given back: the process ends, or another leads; it is anybody's at once.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import partial
from uuid import UUID

import structlog

from cluster.intake.admitting import Admitting, KeyRefused, Later, UnderMaintenance
from cluster.intake.aws import Aws, AwsUnavailable
from cluster.intake.ports import Admission
from cluster.intake.queue import Received, SqsQueue
from cluster.intake.settings import IntakeSettings
from cluster.loops.backoff import pause_before_next
from db.errors import LostLeadership
from db.intake import prune_messages
from db.session import Database
from jobs.errors import RayfarmError, Unavailable
from jobs.features import FeatureOff
from jobs.limits import FarmLimits
from storage.base import Storage

_log = structlog.get_logger(__name__)

_FIRST_PAUSE = timedelta(seconds=10)
_FULL_WAIT_S = 5.0
"""Longest that a tick waits for room among the messages in flight."""
_PRUNE_EVERY_S = 600.0


class Intake:
    """A loop of the leader's (``cluster.loops``). Two at once do no harm: a message becomes its job once."""

    name = "intake"
    every = timedelta(milliseconds=100)
    """The long poll is the pause."""

    def __init__(
        self,
        *,
        database: Database,
        storage: Storage,
        settings: IntakeSettings,
        admission: Admission,
        limits: FarmLimits,
    ) -> None:
        self._database = database
        self._settings = settings
        self._aws = Aws(settings)
        self._queue = SqsQueue(settings=settings, aws=self._aws)
        self._admitting = Admitting(
            database=database, storage=storage, settings=settings, admission=admission, limits=limits, aws=self._aws
        )
        self._working: dict[asyncio.Task[bool], Received] = {}
        self._receiving: asyncio.Task[list[Received]] | None = None
        self._prune_at = 0.0

    async def tick(self, epoch: int) -> int:
        """Begin work on what is there; how many messages ended since the last tick. Nothing is received while the
        database is away, the farm is under maintenance or the key is refused: messages wait in their queue, and none
        loses a receive."""
        ended = self._reap()
        free = self._settings.max_in_flight - len(self._working)
        if free <= 0:
            await asyncio.wait(self._working, timeout=_FULL_WAIT_S, return_when=asyncio.FIRST_COMPLETED)
            return ended
        await self._prune(epoch)
        if not await self._admitting.may_receive():
            await asyncio.sleep(self._settings.long_poll.total_seconds())  # as long as an empty queue would take
            return ended
        for message in await self._receive(min(self._settings.batch, free)):
            task = asyncio.create_task(self._work(message, epoch), name=f"intake-{message.message_id}")
            self._working[task] = message
        return ended

    async def settle(self) -> int:
        """Wait until nothing is worked on any more; how many messages ended."""
        await asyncio.gather(*self._working, return_exceptions=True)
        return self._reap()

    async def close(self) -> None:
        """Receive no more, give what is under way a moment, and the rest back to the queue."""
        late: list[Received] = []
        if self._receiving is not None:
            with suppress(Unavailable):
                late = await self._receiving
            self._receiving = None
        if self._working:
            await asyncio.wait(self._working, timeout=self._settings.drain_timeout.total_seconds())
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        self._working.clear()
        await asyncio.gather(*(self._give_back(message) for message in late))

    async def _receive(self, limit: int) -> list[Received]:
        """A tick that is cancelled leaves the request to ``close``: what it brings would else be hidden for nothing."""
        if self._receiving is None:
            self._receiving = asyncio.create_task(self._queue.receive(limit=limit), name="intake-receive")
        try:
            return await asyncio.shield(self._receiving)
        finally:
            if self._receiving.done():
                self._receiving = None

    def _reap(self) -> int:
        done = [task for task in self._working if task.done()]
        for task in done:
            message = self._working.pop(task)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                _log.error("intake_broke", message_id=message.message_id, exc_info=error)
        return sum(1 for task in done if not task.cancelled() and task.exception() is None and task.result())

    async def _prune(self, epoch: int) -> None:
        if time.monotonic() >= self._prune_at:
            await prune_messages(self._database, kept=self._settings.remembered, epoch=epoch)
            self._prune_at = time.monotonic() + _PRUNE_EVERY_S

    # -- one message

    async def _work(self, message: Received, epoch: int) -> bool:
        """Whether the message has left the queue."""
        over = asyncio.Event()
        hiding = asyncio.create_task(self._keep_hidden(message, over), name=f"intake-hide-{message.message_id}")
        try:
            try:
                end = await self._judge(message, epoch)
            finally:  # a hide that is under way cannot be called back: it must not land behind the last one
                over.set()
                await asyncio.wait({hiding})
            return await end()
        except AwsUnavailable as error:  # of the end itself: it shows again by itself, and finds its job
            _log.warning("intake_end_failed", message_id=message.message_id, error=str(error))
            return False
        except asyncio.CancelledError:
            await self._give_back(message)
            raise

    async def _judge(self, message: Received, epoch: int) -> Callable[[], Awaitable[bool]]:
        """Make its jobs; how it is to end, which is done once nobody hides it any more."""
        try:
            jobs = await self._admitting.admit(message, epoch=epoch)
        except LostLeadership:
            return partial(self._give_back, message)
        except (Later, Unavailable, FeatureOff, OSError) as error:
            # Whoever runs the farm can let it go on.
            spared = isinstance(error, KeyRefused | UnderMaintenance | FeatureOff)
            code = getattr(error, "code", "later")
            return partial(self._rest, message, code=code, words=str(error), spared=spared)
        except RayfarmError as error:
            return partial(self._refuse, message, code=error.code, words=str(error))
        except Exception as bug:
            _log.exception("intake_failed", message_id=message.message_id)
            return partial(self._rest, message, code="internal", words=type(bug).__name__)
        return partial(self._finish, message, jobs)

    async def _finish(self, message: Received, jobs: Sequence[UUID]) -> bool:
        await self._queue.delete(message)
        _log.info("message taken", action="intake.done", message_id=message.message_id, jobs=[str(job) for job in jobs])
        return True

    async def _rest(self, message: Received, *, code: str, words: str, spared: bool = False) -> bool:
        if message.receives >= self._settings.max_receives and not spared:
            return await self._refuse(message, code=code, words=f"Given up after {message.receives} receives. {words}")
        pause = pause_before_next(message.receives, first=_FIRST_PAUSE, longest=self._settings.longest_pause)
        _log.warning("intake_waits", message_id=message.message_id, receives=message.receives, code=code, error=words)
        await self._queue.hide(message, longer=pause)
        return False

    async def _refuse(self, message: Received, *, code: str, words: str) -> bool:
        _log.warning("intake_refused", message_id=message.message_id, code=code, error=words)
        await self._queue.bury(message, code=code, detail=words)
        return True

    async def _keep_hidden(self, message: Received, over: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), self._settings.visibility.total_seconds() / 3)
                return
            try:
                await self._queue.hide(message, longer=self._settings.visibility)
            except AwsUnavailable as error:  # another consumer may take it too; the job is made once
                _log.warning("intake_not_hidden", message_id=message.message_id, error=str(error))

    async def _give_back(self, message: Received) -> bool:
        try:
            await self._queue.hide(message, longer=timedelta(0))
        except AwsUnavailable as error:
            _log.warning("intake_not_given_back", message_id=message.message_id, error=str(error))
        return False
