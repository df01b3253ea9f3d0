"""One child process seen from outside: spawn, signal, reap, memory, CPU time, last words."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pipelines.sandbox import SandboxLimits, child_environment
from pipelines.settings import EngineSettings

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_REAP_POLL_S = 0.001
"""No SIGCHLD: the loop of a Serve replica does not run on the main thread, which alone gets signals."""


class LogTail(asyncio.Protocol):
    """Keeps the last bytes of the child's stdout and stderr."""

    def __init__(self, *, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._data = bytearray()
        self.ended = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self._data += data
        if len(self._data) > 2 * self._limit:  # trim rarely: each trim copies
            del self._data[: -self._limit]

    def connection_lost(self, exc: Exception | None) -> None:
        self.ended.set()

    @property
    def text(self) -> str:
        return bytes(self._data[-self._limit :]).decode(errors="replace")


class ChildProcess:
    """A spawned worker and its ends of socket and log pipe."""

    def __init__(self, *, popen: subprocess.Popen[bytes], connection: socket.socket, log_fd: int) -> None:
        self._popen = popen
        self.connection = connection
        self.log_fd = log_fd
        self._oom_kills = _kernel_oom_kills()

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_status(self) -> int | None:
        """As subprocess has it: negative = signal; ``None`` while it lives."""
        return self._popen.returncode

    def kill(self) -> None:
        """SIGKILL; nothing gentler stops a render in Blender."""
        self._popen.kill()

    async def reap(self, timeout_s: float) -> int | None:
        """Wait for the end that was already ordered or seen."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while self._popen.poll() is None:
            if asyncio.get_running_loop().time() > deadline:
                return None
            await asyncio.sleep(_REAP_POLL_S)
        return self._popen.returncode

    def died_of_memory(self) -> bool:
        """SIGKILL, and the kernel's out-of-memory killer struck since the child began."""
        return self.exit_status == -signal.SIGKILL and _kernel_oom_kills() > self._oom_kills

    def memory_bytes(self) -> int:
        """Resident set now; 0 when the process is gone."""
        try:
            return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE_BYTES
        except (OSError, IndexError):
            return 0

    def cpu_seconds(self) -> float:
        """CPU time so far, all threads; 0 when the process is gone."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def spawn_worker(*, engine_module: str, home: Path, writable: Sequence[Path], settings: EngineSettings) -> ChildProcess:
    """Fork and exec ``pipelines.worker``. Call from a thread that lives as long as the child: its end kills it."""
    ours, theirs = socket.socketpair()
    log_read, log_write = os.pipe()
    limits: SandboxLimits = settings.sandbox_limits()
    extra = {} if settings.threads is None else {"RAYFARM_ENGINE_THREADS": str(settings.threads)}
    command = [sys.executable, "-m", "pipelines.worker"]
    command += ["--fd", str(theirs.fileno()), "--engine", engine_module, "--parent-pid", str(os.getpid())]
    command += ["--limits", json.dumps(asdict(limits))]
    for path in writable:
        command += ["--writable", str(path)]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log_write,
            stderr=log_write,
            pass_fds=(theirs.fileno(),),
            cwd=home,
            env=child_environment(source=os.environ, home=home, extra_names=settings.extra_environment, extra=extra),
        )
    except BaseException:
        ours.close()
        os.close(log_read)
        raise
    finally:
        theirs.close()
        os.close(log_write)
    return ChildProcess(popen=popen, connection=ours, log_fd=log_read)


def _kernel_oom_kills() -> int:
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0
