"""Runs every loop as a task of its own, under one leadership by row.

Any number of runners may run; the one that holds the row ``loops`` of its cluster ticks them. A loop that hangs, fails
or meets an outage holds no other up: each has its own pause, time-out and back-off.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from uuid import UUID, uuid4

import structlog

from cluster.loops.base import Closing, Loop, Patient, Showing
from cluster.loops.settings import LoopSettings
from cluster.metrics.ports import SILENT, LoopMeter
from cluster.settings import ClusterSettings
from db.dispatch import LOOPS_ROLE, LostLeadership, lead, resign
from db.errors import DatabaseUnavailable, RowsBusy
from db.loops import record_tick
from db.session import Database
from jobs.errors import Unavailable

_log = structlog.get_logger(__name__)


class LoopRunner:
    """``run`` until cancelled, then ``close``."""

    def __init__(
        self,
        *,
        database: Database,
        settings: ClusterSettings,
        loop_settings: LoopSettings,
        loops: Sequence[Loop],
        meter: LoopMeter = SILENT,
        holder: UUID | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._tick_timeout = loop_settings.tick_timeout
        self._loops = loops
        self._meter = meter
        self.holder = holder or uuid4()
        self._epoch: int | None = None
        self._leads = asyncio.Event()
        self._steady_since: float | None = None
        """Since when, by the monotonic clock, this process leads and the database answers without a break."""
        self._renewed_at = 0.0
        self._led_until = 0.0
        """By the monotonic clock: until then nobody else can lead."""
        self._failures: dict[str, int] = {}

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._lead_for_ever(), name="loops-lead")
                for loop in self._loops:
                    group.create_task(self._run_for_ever(loop), name=f"loop-{loop.name}")
        finally:
            self._hush()
            for loop in self._loops:
                if isinstance(loop, Closing):
                    await loop.close()

    async def close(self) -> None:
        """Let another lead at once."""
        try:
            await resign(self._database, role=LOOPS_ROLE, cluster_id=self._settings.id, holder=self.holder)
        except (Unavailable, OSError) as error:
            _log.warning("resign_failed", role=LOOPS_ROLE, error=str(error))

    # -- leadership

    async def _lead_for_ever(self) -> None:
        pause = self._settings.leader_ttl.total_seconds() / 3
        while True:
            try:
                await self._renew()
            except (Unavailable, OSError) as error:
                _log.warning("lead_unavailable", role=LOOPS_ROLE, error=str(error))
                self._note_outage(error)
            except Exception:
                _log.exception("lead_failed", role=LOOPS_ROLE)
                self._steady_since = None
            await asyncio.sleep(pause)

    async def _renew(self) -> None:
        asked_at = time.monotonic()
        epoch = await lead(
            self._database,
            role=LOOPS_ROLE,
            cluster_id=self._settings.id,
            holder=self.holder,
            ttl=self._settings.leader_ttl,
        )
        if epoch != self._epoch:
            _log.info("leads" if epoch is not None else "lost_leadership", role=LOOPS_ROLE, epoch=epoch or self._epoch)
            self._step_down()
        now = time.time()
        if now - self._renewed_at > 2 * self._settings.leader_ttl.total_seconds():
            self._steady_since = (
                None  # the whole machine may have slept: its replicas have not been able to beat either
            )
        self._renewed_at = now
        if epoch is not None:
            self._epoch = epoch
            self._led_until = asked_at + self._settings.leader_ttl.total_seconds()
            self._steady_since = self._steady_since or time.monotonic()
            self._leads.set()

    def _step_down(self) -> None:
        self._epoch = None
        self._steady_since = None
        self._leads.clear()
        self._hush()

    def _hush(self) -> None:
        """Nothing that is shown here stands beside what the leader shows."""
        self._meter.clear()
        for loop in self._loops:
            if isinstance(loop, Showing):
                loop.hush()

    def _note_outage(self, error: BaseException) -> None:
        """The database was away, so beats may have been lost; a lock that was not to be had says nothing of that."""
        if isinstance(error, RowsBusy):
            return
        self._steady_since = None
        if time.monotonic() > self._led_until:  # cut off, while another may lead
            self._hush()

    # -- one loop

    async def _run_for_ever(self, loop: Loop) -> None:
        while True:
            await self._leads.wait()
            epoch = self._epoch
            wait_s = self._still_to_wait(loop)
            if epoch is None or wait_s > 0:
                await asyncio.sleep(min(max(wait_s, 0.01), self._settings.leader_ttl.total_seconds() / 3))
                continue
            failed = await self._tick(loop, epoch)
            await asyncio.sleep(self._pause_s(loop, failed))

    def _still_to_wait(self, loop: Loop) -> float:
        if not isinstance(loop, Patient):
            return 0.0
        grace_s = loop.grace.total_seconds()
        if self._steady_since is None:
            return grace_s
        return self._steady_since + grace_s - time.monotonic()

    def _pause_s(self, loop: Loop, failed: bool) -> float:
        """After a failure: first soon, whatever the loop's turn, then longer each time up to the longest back-off."""
        pause = loop.every.total_seconds()
        if failed:
            doubled = self._settings.retry_first.total_seconds() * 2.0 ** min(self._failures.get(loop.name, 1), 16)
            pause = min(doubled, max(pause, self._settings.retry_longest.total_seconds()))
        return pause * random.uniform(0.9, 1.1)  # noqa: S311 - jitter, not a secret

    async def _tick(self, loop: Loop, epoch: int) -> bool:
        """One tick and its line of health; whether it failed."""
        began = time.monotonic()
        handled, error = 0, None
        tick = asyncio.create_task(loop.tick(epoch), name=f"tick-{loop.name}")
        try:
            await self._wait_for(tick, loop, epoch, began)
            handled = tick.result()
        except LostLeadership:
            if self._epoch == epoch:
                _log.info("lost_leadership", role=LOOPS_ROLE, epoch=epoch, loop=loop.name)
                self._step_down()
            return False
        except _TickTimeout as stopped:
            error = str(stopped)
        except (Unavailable, OSError) as outage:
            _log.warning("tick_unavailable", loop=loop.name, error=str(outage))
            if isinstance(outage, DatabaseUnavailable):
                self._note_outage(outage)
            error = f"{type(outage).__name__}: {outage}"
        except Exception as bug:
            _log.exception("tick_failed", loop=loop.name)
            error = f"{type(bug).__name__}: {bug}"
        await self._record(loop, epoch, took_s=time.monotonic() - began, handled=handled, error=error)
        return error is not None

    async def _wait_for(self, tick: asyncio.Task[int], loop: Loop, epoch: int, began: float) -> None:
        """Until the tick has ended; ``_TickTimeout`` where it had to be stopped.

        Never leaves one running: two ticks of a loop at once would work against each other. One that cannot be stopped
        (a thread that hangs in a dead disk) is shown as failing for as long as it hangs.
        """
        try:
            await asyncio.wait({tick}, timeout=self._tick_timeout.total_seconds())
            if tick.done():
                return
            words = f"A tick had not ended after {self._tick_timeout.total_seconds():g} s and was stopped."
            _log.error("tick_timed_out", loop=loop.name)
            while not tick.done():
                tick.cancel()
                await asyncio.wait({tick}, timeout=self._tick_timeout.total_seconds())
                if not tick.done():
                    _log.error("tick_cannot_be_stopped", loop=loop.name)
                    hangs = "A tick does not end, and cannot be stopped."
                    await self._record(loop, epoch, took_s=time.monotonic() - began, handled=0, error=hangs)
            if tick.cancelled() or tick.exception() is not None:
                raise _TickTimeout(words)
        except asyncio.CancelledError:
            tick.cancel()
            await asyncio.gather(tick, return_exceptions=True)
            raise

    async def _record(self, loop: Loop, epoch: int, *, took_s: float, handled: int, error: str | None) -> None:
        failures = self._failures[loop.name] = 0 if error is None else self._failures.get(loop.name, 0) + 1
        self._meter.observe(loop.name, took_s=took_s, handled=handled, failures=failures)
        if self._epoch != epoch:  # stepped down while it ticked
            self._hush()
        try:
            await record_tick(
                self._database,
                name=loop.name,
                cluster_id=self._settings.id,
                every=loop.every,
                took_ms=took_s * 1000,
                handled=handled,
                error=error,
                epoch=epoch,
            )
        except LostLeadership:
            if self._epoch == epoch:
                self._step_down()
        except (Unavailable, OSError) as outage:
            _log.warning("health_not_written", loop=loop.name, error=str(outage))
            self._note_outage(outage)
        except Exception:
            _log.exception("health_not_written", loop=loop.name)


class _TickTimeout(Exception):
    """Stopped by the runner."""
