"""One child process seen from outside: spawn, signal, reap, memory, CPU time, last words."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pipelines._holdings import Nameless, find_nameless
from pipelines.sandbox import ORDERS, SandboxLimits, child_environment, session_nice
from pipelines.settings import EngineSettings

_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LOG_SLACK = 16
"""The log file may grow to this many times the part that is kept."""
_REAP_POLL_S = 0.001
"""No SIGCHLD: the loop of a Serve replica does not run on the main thread, which alone gets signals."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """What puts an engine behind the farm's own processes; it may write both figures itself."""

    oom_score_adj: int
    session_nice: int | None
    """None: this kernel does not weigh sessions."""


class LogFile:
    """Where the child's stdout and stderr go: a nameless file, of which only the end is kept.

    Not a pipe: Blender prints some forty lines a frame, and each would wake the parent in the middle of a render.
    """

    def __init__(self, *, folder: Path, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._before = b""
        self._dropped = 0
        with tempfile.NamedTemporaryFile(dir=folder) as named:
            self.fd = os.open(named.name, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        found = os.fstat(self.fd)
        self.identity = (found.st_dev, found.st_ino)
        """Device and inode."""

    def trim(self) -> None:
        """Keep the file small; cheap while it is."""
        if self.fd >= 0 and os.fstat(self.fd).st_size > _LOG_SLACK * self._limit:
            self._before = self._end()
            self._dropped += os.fstat(self.fd).st_size
            os.ftruncate(self.fd, 0)  # the child appends, so it goes on from the start

    @property
    def written(self) -> int:
        """Bytes that the child has printed so far."""
        return self._dropped + (0 if self.fd < 0 else os.fstat(self.fd).st_size)

    def since(self, written: int) -> str:
        """What was printed behind the first ``written`` bytes, as far as it is kept."""
        kept = (self._before if self.fd < 0 else self._before + self._end())[-self._limit :]
        return kept[max(0, len(kept) - (self.written - written)) :].decode(errors="replace")

    def uncut(self, text: str, *, since: int) -> str:
        """What the child read back of its own call, and what it could not, because the file was emptied behind its
        first ``since`` bytes, which the child had printed when the call began."""
        if self._dropped <= since:
            return text
        kept = self.since(since)
        behind = kept.rfind(text)  # the next call may print already
        return text if behind < 0 else kept[: behind + len(text)]

    @property
    def text(self) -> str:
        return self.since(0)

    def close(self) -> None:
        if self.fd >= 0:
            self._before += self._end()
            self._dropped = self.written
            os.close(self.fd)
            self.fd = -1

    def _end(self) -> bytes:
        return os.pread(self.fd, self._limit, max(0, os.fstat(self.fd).st_size - self._limit))


class ChildProcess:
    """A spawned worker, the parent's end of its socket, and its log."""

    def __init__(self, *, popen: subprocess.Popen[bytes], connection: socket.socket, log: LogFile) -> None:
        self._popen = popen
        self.connection = connection
        self.log = log
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

    def take_peak_bytes(self) -> int:
        """Largest resident set since the last call, or since the start; 0 when the process is gone."""
        try:
            with Path(f"/proc/{self.pid}/status").open() as lines:
                peak = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)
            Path(f"/proc/{self.pid}/clear_refs").write_text("5")  # proc(5): reset the peak, touch nothing else
        except (OSError, ValueError):
            return self.memory_bytes()
        return peak

    def threads(self) -> int:
        """How many run; 0 when the process is gone."""
        fields = self._stat()
        return int(fields[17]) if fields else 0

    def cpu_seconds(self) -> float:
        """CPU time so far, all threads; 0 when the process is gone."""
        fields = self._stat()
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND if fields else 0.0

    def nameless(self, folders: Sequence[str]) -> Nameless:
        """What it holds that no folder shows; ``folders``: where it may make files."""
        return find_nameless(self.pid, ours=self.log.identity, folders=folders)

    def mapped_memory_files_bytes(self) -> int:
        """How much of its resident set is memory that is a file; 0 when the process is gone."""
        try:
            with Path(f"/proc/{self.pid}/status").open() as lines:
                return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("RssShmem:")), 0)
        except OSError:
            return 0

    def main_thread_ended(self) -> bool:
        """Then the kernel tells neither memory nor files, although other threads may go on."""
        return self._stat()[:1] == ["Z"]

    def priority(self) -> Priority | None:
        """None when the process is gone."""
        try:
            score = int(Path(f"/proc/{self.pid}/oom_score_adj").read_text())
        except (OSError, ValueError):
            return None
        return Priority(oom_score_adj=score, session_nice=session_nice(self.pid))

    def _stat(self) -> list[str]:
        """The fields of proc(5)'s stat from the third on."""
        try:
            return Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            return []


def spawn_worker(
    *,
    engine_module: str,
    home: Path,
    writable: Sequence[Path],
    readable: Sequence[Path],
    scratch_bytes: int,
    settings: EngineSettings,
    environment: Mapping[str, str],
) -> ChildProcess:
    """Fork and exec ``pipelines.worker``. Call from a thread that lives as long as the child: its end kills it."""
    ours, theirs = socket.socketpair()
    log = LogFile(folder=home, limit_bytes=settings.log_tail_bytes)
    limits: SandboxLimits = settings.sandbox_limits(scratch_bytes)
    orders = {
        "limits": asdict(limits),
        "logs": {"frame": int(settings.frame_log_bytes), "error": int(settings.log_tail_bytes)},
        "writable": [str(path) for path in writable],
        "readable": [str(path) for path in (*readable, *settings.readable)],
    }
    # Not as arguments, which every process may read of every other: where an engine writes is nobody else's concern.
    extra = {**environment, ORDERS: json.dumps(orders)}
    if settings.threads is not None:
        extra["RAYFARM_ENGINE_THREADS"] = str(settings.threads)
    command = [sys.executable, "-m", "pipelines.worker"]
    command += ["--fd", str(theirs.fileno()), "--engine", engine_module, "--parent-pid", str(os.getpid())]
    try:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log.fd,
            stderr=log.fd,
            pass_fds=(theirs.fileno(),),
            cwd=home,
            # Linux shares busy cores out by session first (sched(7), autogroup) and looks at niceness only within one:
            # in the farm's own session every short wake-up of Ray's daemons held up one of Blender's threads, and all
            # others waited for it: frames of 0.2 s took 20 ms longer.
            start_new_session=True,
            env=child_environment(source=os.environ, home=home, extra_names=settings.extra_environment, extra=extra),
        )
    except BaseException:
        ours.close()
        log.close()
        raise
    finally:
        theirs.close()
    return ChildProcess(popen=popen, connection=ours, log=log)


def signal_name(number: int) -> str:
    """``SIGSEGV``."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"


def _kernel_oom_kills() -> int:
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        return 0
    return 0
