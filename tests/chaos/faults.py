"""What goes wrong: processes killed or stopped, the database restarted, the storage slow, full or failing."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import psutil

from tests.chaos.storage_proxy import Mood, StorageProxy
from tests.farm.running import RunningFarm

ENGINE = "pipelines.worker"
REPLICA = "ServeReplica:rayfarm-renderer"
DISPATCHER = "ServeReplica:rayfarm-dispatcher"
API = "ServeReplica:rayfarm-api"
LEASE_S = 6.0
"""Of the farm under chaos, so that a stop may outlast it several times in a short run."""
_STOPS_S = (0.5, 2.5 * LEASE_S)
_STORAGE_S = (2.0, 12.0)
_PAUSES_S = (2.0, 7.0)
"""A replica that was killed is back after ten seconds or so on two cores; most of the time there is one to harm."""
_STORAGE_SPANS = 4
"""So many times its span at most does a mood of the storage wait for a request to meet."""

_PROCESSES = {"engine": ENGINE, "replica": REPLICA, "dispatcher": DISPATCHER, "API": API}
_POSTGRES = {"fast": signal.SIGINT, "immediate": signal.SIGQUIT, "SIGKILL": signal.SIGKILL}

WEIGHTS: dict[str, int] = {
    "SIGKILL engine": 5,
    "SIGSTOP engine": 3,
    "SIGKILL replica": 3,
    "SIGSTOP replica": 4,
    "SIGKILL dispatcher": 2,
    "SIGSTOP dispatcher": 3,
    "SIGKILL API": 1,
    "SIGSTOP API": 2,
    "Postgres fast": 1,
    "Postgres immediate": 1,
    "Postgres SIGKILL": 1,
    "storage slow": 3,
    "storage full": 3,
    "storage failing": 3,
}
"""How often each is drawn, among each other."""


def part_of(fault: str) -> str:
    """What of the farm it harms."""
    what, _, target = fault.partition(" ")
    return what if what in ("Postgres", "storage") else target


@dataclass
class Faults:
    """Draws faults from a seeded chance; ``heal`` takes back whatever still lasts."""

    running: RunningFarm
    proxy: StorageProxy
    chance: random.Random
    done: Counter[str] = field(default_factory=Counter)
    missed: Counter[str] = field(default_factory=Counter)
    """Drawn when there was no such process."""
    _ends: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: itertools.count[int] = field(default_factory=itertools.count)
    _over: threading.Event = field(default_factory=threading.Event)

    def run(self, seconds: float) -> None:
        """For so long, or until ``heal``."""
        until = time.monotonic() + seconds
        deck: list[str] = []
        while time.monotonic() < until and not self._over.is_set():
            if not deck:  # every kind comes up once before chance alone decides
                deck = self._first() if not self.done else self.chance.choices([*WEIGHTS], [*WEIGHTS.values()], k=20)
            self._do(deck.pop())
            self._rest(min(until, time.monotonic() + self.chance.uniform(*_PAUSES_S)))

    def _first(self) -> list[str]:
        """Every kind once, to be taken from the end: each part before any comes a second time, and storage before all,
        since it is harmed only when a request comes."""
        kinds, rounds = [*WEIGHTS], Counter[str]()
        self.chance.shuffle(kinds)
        turns: dict[str, tuple[int, bool]] = {}
        for fault in kinds:
            part = part_of(fault)
            rounds[part] += 1
            turns[fault] = (rounds[part], part != "storage")
        return sorted(kinds, key=turns.__getitem__, reverse=True)

    def heal(self) -> None:
        """End every fault that lasts."""
        self._over.set()
        while self._ends:
            heapq.heappop(self._ends)[2]()
        self.proxy.mood = Mood.WELL

    def _do(self, fault: str) -> None:
        what, _, target = fault.partition(" ")
        if what == "storage":
            self.proxy.mood = Mood(target)
            mood, met = self.proxy.mood, self.proxy.harmed
            self._later(_STORAGE_S, lambda: self._mend_storage(mood, met, _STORAGE_SPANS - 1))
            self.done[fault] += 1
            return
        victim = self._postmaster() if what == "Postgres" else self._victim(_PROCESSES[target])
        if victim is None:
            self.missed[fault] += 1
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.send_signal(_POSTGRES[target] if what == "Postgres" else signal.Signals[what])
            self.done[fault] += 1
        if what == "SIGSTOP":
            self._later(_STOPS_S, lambda: _go_on(victim))

    def _victim(self, needle: str) -> psutil.Process | None:
        there = sorted(self.running.processes(needle), key=lambda process: process.pid)
        return self.chance.choice(there) if there else None

    def _postmaster(self) -> psutil.Process | None:
        there = self.running.processes(str(self.running.home / "postgres"))
        pids = {process.pid for process in there}
        for process in there:
            with contextlib.suppress(psutil.Error):
                if "postgres" in process.name() and process.ppid() not in pids:
                    return process
        return None

    def _mend_storage(self, mood: Mood, met: int, spans: int) -> None:
        if self.proxy.mood is not mood:
            return  # another fault has come after it
        if self.proxy.harmed == met and spans:
            self._later(_STORAGE_S, lambda: self._mend_storage(mood, met, spans - 1))
        else:
            self.proxy.mood = Mood.WELL

    def _later(self, span: tuple[float, float], end: Callable[[], None]) -> None:
        heapq.heappush(self._ends, (time.monotonic() + self.chance.uniform(*span), next(self._order), end))

    def _rest(self, until: float) -> None:
        """Sleep, and end what is over meanwhile."""
        while True:
            now = time.monotonic()
            while self._ends and self._ends[0][0] <= now:
                heapq.heappop(self._ends)[2]()
            if now >= until or self._over.is_set():
                return
            self._over.wait(min(until - now, self._ends[0][0] - now) if self._ends else until - now)


def _go_on(process: psutil.Process) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(signal.SIGCONT)
