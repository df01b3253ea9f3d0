"""How a PostgreSQL program is run: as an unprivileged account, in a clean environment, bound to its parent's life."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from db._postgres_binaries import PostgresAccount

_PR_SET_PDEATHSIG = 1
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
"""No PG* variable of the caller may redirect the server, and none of its secrets concern it."""


class LentPaths:
    """Names for paths of the farm under which `account` can open them, wherever the farm lies.

    PostgreSQL opens its directory once and works in it from then on. So where a parent is closed to the account
    (root's own 0700 home), it is given an open descriptor as /proc/self/fd/N instead; no mode is widened.
    """

    def __init__(self, account: PostgresAccount | None) -> None:
        self._account = account
        self._descriptors: list[int] = []

    def name_of(self, path: Path) -> str:
        """The name of an existing file or directory."""
        if self._account is None or self._account.can_reach(path.parent):
            return str(path)
        descriptor = os.open(path, os.O_RDONLY)
        self._descriptors.append(descriptor)
        return f"/proc/self/fd/{descriptor}"

    def process_options(self) -> dict[str, Any]:
        """What subprocess needs to run a program as the account with these names valid in it."""
        options: dict[str, Any] = {"cwd": "/", "env": _ENVIRONMENT, "stdin": subprocess.DEVNULL}
        if self._account is not None:
            options |= {"user": self._account.uid, "group": self._account.gid, "extra_groups": []}
        return options | {"pass_fds": tuple(self._descriptors)}

    def close(self) -> None:
        """Drop the descriptors here; the programs keep theirs."""
        while self._descriptors:
            os.close(self._descriptors.pop())


@contextlib.contextmanager
def lent_paths(account: PostgresAccount | None) -> Iterator[LentPaths]:
    """Paths lent for the start of one program."""
    paths = LentPaths(account)
    try:
        yield paths
    finally:
        paths.close()


def interrupted_with_parent() -> Callable[[], None] | None:
    """A `preexec_fn`: the program gets SIGINT, PostgreSQL's fast clean stop, when the thread that forked it ends."""
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None)  # loaded before the fork: the child must do as little as possible
    parent = os.getpid()

    def ask_for_signal() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(signal.SIGINT))
        if os.getppid() != parent:  # it died between the fork and the request
            os._exit(1)

    return ask_for_signal


def accepts_connections(pg_isready: Path, *, host: str, port: int) -> bool:
    """What pg_isready says."""
    command = [str(pg_isready), "-q", "-h", host, "-p", str(port), "-t", "2"]
    return subprocess.run(command, **LentPaths(None).process_options(), check=False).returncode == 0


def server_processes(data: Path) -> list[psutil.Process]:
    """Every live server process of a data directory. All of them work in it, which no recycled pid can pretend."""
    return [process for process in psutil.process_iter() if is_server_process(process, data)]


def is_server_process(process: psutil.Process, data: Path) -> bool:
    """Whether this is a live PostgreSQL process of that data directory (a zombie has no directory)."""
    with contextlib.suppress(psutil.Error, OSError):
        return process.name() == "postgres" and Path(process.cwd()) == data.resolve()
    return False
