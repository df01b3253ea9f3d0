"""Which process is meant: a pid is believed only with its start time, a group only by a mark in its environment."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from datetime import timedelta
from pathlib import Path

import psutil
from pydantic import BaseModel, ConfigDict

_STATE_FIELD, _START_FIELD = 0, 19  # of /proc/<pid>/stat, counted after the name


class ProcessMark(BaseModel):
    """A process for good: pids are used again, a pid with its start time never is."""

    model_config = ConfigDict(frozen=True)

    pid: int
    started: str
    """On Linux the id of the boot and the kernel's start tick: a wall clock that is set does not move them."""

    @classmethod
    def of(cls, pid: int) -> ProcessMark | None:
        """The mark of a live process, or None (a zombie is not alive)."""
        started = _start_of(pid)
        return None if started is None else cls(pid=pid, started=started)

    def is_alive(self) -> bool:
        """Whether exactly this process still runs."""
        return _start_of(self.pid) == self.started

    def send(self, number: signal.Signals) -> bool:
        """Signal it; False if it is gone."""
        if not self.is_alive():
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
            return True
        return False


def processes_with(
    variable: str, value: str, *, or_if: Callable[[psutil.Process], bool] = lambda process: False
) -> list[psutil.Process]:
    """Every live process that was started with this environment variable, and all others of their OS sessions.

    A process that starts a session of its own (the driver of a submitted job does) keeps the environment; an engine
    with a cleaned environment keeps the session. A session's id is not used again while a member lives. `or_if` knows
    those that overwrote their environment with a title.
    """
    marked: list[psutil.Process] = []
    others: list[psutil.Process] = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                ours = _has_variable(process, variable, value) or or_if(process)
                (marked if ours else others).append(process)
    sessions = {session for process in marked if (session := _session_of(process.pid)) is not None}
    sessions.discard(os.getsid(0))
    return marked + [process for process in others if _session_of(process.pid) in sessions]


def has_open_below(process: psutil.Process, directory: Path) -> bool:
    """Whether the process holds a file below `directory` open."""
    return any(Path(file.path).is_relative_to(directory) for file in process.open_files())


def terminate(find: Callable[[], Iterable[psutil.Process]], *, grace: timedelta) -> int:
    """SIGTERM to all that `find` finds, SIGKILL to those left after `grace`; returns how many there were."""
    found = list(find())
    for process in found:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(found, timeout=grace.total_seconds())
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(stubborn, timeout=grace.total_seconds())
    return len(found)


def wait_until(condition: Callable[[], bool], limit: timedelta) -> bool:
    """Poll, 50 ms apart, until it holds or `limit` has passed; returns whether it holds."""
    end = time.monotonic() + limit.total_seconds()
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def _start_of(pid: int) -> str | None:
    if sys.platform == "linux":
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[_STATE_FIELD] in "ZX" else f"{_boot_id()}:{fields[_START_FIELD]}"
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else f"{process.create_time():.2f}"
    except psutil.Error:
        return None


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _has_variable(process: psutil.Process, variable: str, value: str) -> bool:
    try:
        return process.environ().get(variable) == value
    except (psutil.Error, OSError):  # another user's process
        return False


def _session_of(pid: int) -> int | None:
    try:
        return os.getsid(pid)
    except OSError:
        return None
