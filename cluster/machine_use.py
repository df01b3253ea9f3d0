"""Since when nobody uses this machine, as far as it can tell: what *only when idle* of a schedule goes by.

Three signs, each where the system has it: the last key on a terminal of who is logged in (utmp, and the access time of
the terminal's device); graphical sessions, by what the desktop tells logind (``IdleHint``; a desktop that tells nothing
counts as in use while somebody is logged in); and processor time of normal priority. The farm's engines run at a lower
one, which the kernel counts apart, so their work is not use. In a container the first two see nothing.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
import structlog

_log = structlog.get_logger(__name__)

_LOGINCTL_TIMEOUT_S = 5.0
_GRAPHICAL = frozenset({"x11", "wayland", "mir"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at the machine."""

    input_idle_s: float | None
    """Seconds since the last input of a session; None: nobody is logged in, or nobody can tell."""
    cpu_s: float
    """Processor time of normal priority since the machine started, of all cores together."""
    sessions: int


class MachineUse:
    """Looks now and then; remembers when the machine was in use last. Begins as in use: it does not know better."""

    def __init__(
        self,
        *,
        every: timedelta,
        busy_cpu: float,
        read: Callable[[], Reading] | None = None,
        clock: Callable[[], float] = time.monotonic,
        cores: int | None = None,
    ) -> None:
        self._every = every
        self._busy_cpu = busy_cpu
        self._read = read or read_machine
        self._clock = clock
        self._cores = cores or os.cpu_count() or 1
        self._used_at = clock()
        self._seen: tuple[float, Reading] | None = None
        self._cpu: float | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                self.note(await asyncio.to_thread(self._read))
            except (OSError, psutil.Error, subprocess.SubprocessError) as error:
                _log.warning("machine use unknown", action="replica.use_unknown", error=str(error))
            await asyncio.sleep(self._every.total_seconds())

    def note(self, reading: Reading) -> None:
        """One look was taken."""
        now = self._clock()
        if reading.input_idle_s is not None:
            self._used_at = max(self._used_at, now - reading.input_idle_s)
        if self._seen is not None and now > self._seen[0]:
            self._cpu = max(0.0, reading.cpu_s - self._seen[1].cpu_s) / (now - self._seen[0]) / self._cores
            if self._cpu >= self._busy_cpu:
                self._used_at = now
        self._seen = (now, reading)

    def as_json(self) -> Mapping[str, Any]:
        """For the beat; nothing before the first look."""
        if self._seen is None:
            return {}
        return {
            "machine": {
                "quiet_s": round(self._clock() - self._used_at, 1),
                "cpu": None if self._cpu is None else round(self._cpu, 3),
                "sessions": self._seen[1].sessions,
            }
        }


def read_machine() -> Reading:
    """What this machine tells now. Blocks for a command of logind where that is there."""
    times = psutil.cpu_times()
    idle = [seconds for user in psutil.users() if (seconds := _terminal_idle_s(user.terminal)) is not None]
    graphical = _graphical_idle_s()
    idle += graphical
    return Reading(
        input_idle_s=min(idle) if idle else None,
        cpu_s=times.user,  # without `nice`: that is the engines'
        sessions=len(idle),
    )


def idle_of_session(properties: str, *, now_us: int) -> float | None:
    """Seconds that a graphical session of logind is idle, by ``loginctl show-session``; None: it is none in use."""
    values = dict(line.split("=", 1) for line in properties.splitlines() if "=" in line)
    if values.get("Type") not in _GRAPHICAL or values.get("Class", "user") != "user":
        return None
    if values.get("State") == "closing":
        return None
    since = values.get("IdleSinceHint", "0")
    if values.get("IdleHint") == "yes" and since.isdigit() and int(since) > 0:
        return max(0.0, (now_us - int(since)) / 1e6)
    return 0.0


def _terminal_idle_s(terminal: str | None) -> float | None:
    """A terminal's device is touched by each key that is typed."""
    if not terminal or terminal.startswith(":"):  # an X display, which logind tells of
        return None
    try:
        return max(0.0, time.time() - (Path("/dev") / terminal).stat().st_atime)
    except OSError:  # a session that ended without its entry
        return None


def _graphical_idle_s() -> list[float]:
    program = shutil.which("loginctl")
    if program is None:
        return []
    listed = _ask(program, "list-sessions", "--no-legend")
    names = [line.split()[0] for line in listed.splitlines() if line.split()]
    wanted = "--property=Type,Class,State,IdleHint,IdleSinceHint"
    found = [
        idle_of_session(_ask(program, "show-session", wanted, name), now_us=time.time_ns() // 1000) for name in names
    ]
    return [seconds for seconds in found if seconds is not None]


def _ask(*command: str) -> str:
    """Its output; nothing where logind does not run, as in a container."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=_LOGINCTL_TIMEOUT_S, check=False)
    return done.stdout if done.returncode == 0 else ""
