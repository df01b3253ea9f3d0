"""What a farm consists of besides Ray: its database and its short commands, with the environment each is given."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import ClassVar, Protocol

from cluster.local.farm_file import FarmFile, FarmHome
from cluster.local.processes import wait_until
from cluster.local.settings import LocalFarmSettings
from db.embedded import EmbeddedPostgres
from jobs.errors import Unavailable

READY_VARIABLE = "RAYFARM_READY_FD"
"""Names the descriptor by which a step says that it is done although its process stays."""


_SAID = 4000
"""Characters of a failed step's output that its error repeats: all faults of a production profile fit."""


FAULT = "error: "
"""Begins the line in which a step says what a person can act on; all from there is repeated, and nothing before."""

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class CommandFailed(Unavailable):
    """A step of the farm's start failed."""

    code: ClassVar[str] = "farm-step-failed"


class Database(Protocol):
    """What the supervisor needs of the database, whoever runs it."""

    @property
    def url(self) -> str: ...
    def start(self) -> object: ...
    def stop(self) -> None: ...
    def is_alive(self) -> bool: ...


class ExternalDatabase:
    """A PostgreSQL server that somebody else runs: nothing to start, nothing to stop, nothing to restart."""

    def __init__(self, url: str) -> None:
        self.url = url

    def start(self) -> None:
        """It runs, or the migrations will say that it does not."""

    def stop(self) -> None:
        """It is not ours to stop."""

    def is_alive(self) -> bool:
        """An outage is waited out by the ones who use it."""
        return True


def database_of(home: FarmHome, settings: LocalFarmSettings, *, port: int) -> Database:
    """The embedded server, unless the settings name another one."""
    if settings.database_url is not None:
        return ExternalDatabase(settings.database_url.get_secret_value())
    return EmbeddedPostgres(root=home.postgres, port=port)


BELIEVED_BY_UVICORN = "none"
"""Nobody's X-Forwarded-For. By itself uvicorn believes each neighbour on 127.0.0.1, and Ray's HAProxy is one that
passes on what clients wrote there; whom to believe is said by RAYFARM_API_TRUSTED_PROXIES alone."""


def farm_environment(
    home: FarmHome, settings: LocalFarmSettings, record: FarmFile, *, database_url: str
) -> dict[str, str]:
    """What every process of the farm is told. Secrets travel here and in 0600 files, never on a command line."""
    ports = record.ports
    return {
        "RAYFARM_HOME": str(home.root),
        "RAYFARM_CLUSTER_ID": record.cluster_id,
        "RAYFARM_CLUSTER_CACHE_DIR": str(home.cache),
        "RAYFARM_CLUSTER_MIN_REPLICAS": "1",  # one warm slot costs 0.3 GB and saves every job 3 s
        "RAYFARM_CLUSTER_MAX_REPLICAS": str(record.render_slots),
        "RAYFARM_DATABASE_URL": database_url,
        "RAYFARM_STORAGE_URL": settings.storage_url or home.storage.as_uri(),
        "RAYFARM_API_TOKEN_KEY": home.token_key.read_text().strip(),
        "RAYFARM_WEBHOOK_KEY": home.webhook_key.read_text().strip(),
        "RAYFARM_STORAGE_SIGNING_KEY": home.storage_signing_key.read_text().strip(),
        "RAYFARM_HTTP_HOST": record.http_host,
        "RAYFARM_HTTP_PORT": str(ports.http) if ports else "",
        "RAYFARM_NUM_CPUS": str(record.num_cpus),
        "RAYFARM_RENDER_SLOTS": str(record.render_slots),
        "RAY_ADDRESS": record.ray_address or "",
        "FORWARDED_ALLOW_IPS": BELIEVED_BY_UVICORN,
    }


def run_step(
    name: str,
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log_path: Path,
    limit: timedelta,
    give_up: Callable[[], bool],
) -> bool:
    """Run one command to its end, output into its log; False if `give_up` became true meanwhile.

    A command that has more to do says that its step is done by a write to the descriptor in `READY_VARIABLE` (as under
    s6, https://skarnet.org/software/s6/notifywhenup.html), and runs on: who sweeps its session ends it.
    """
    ready, said_ready = os.pipe()
    try:
        with log_path.open("wb") as log:
            process = subprocess.Popen(
                command,
                env={**environment, READY_VARIABLE: str(said_ready)},
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=[said_ready],
            )
        ended = wait_until(lambda: process.poll() is not None or _is_readable(ready) or give_up(), limit)
        if process.returncode is None and _is_readable(ready) and not give_up():
            return True
    finally:
        os.close(ready)
        os.close(said_ready)
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if give_up():
            return False
    if not ended or process.returncode != 0:
        said = _COLOURS.sub("", log_path.read_text(errors="replace")).strip()
        _, told, fault = f"\n{said}".rpartition(f"\n{FAULT}")
        if told and ended:
            raise CommandFailed(f"The step {name!r} failed: {fault}", remedy=f"The whole output is {log_path}.")
        said = said[-_SAID:]
        how = f"exited with {process.returncode}" if ended else f"did not end in {limit.total_seconds():.0f} s"
        raise CommandFailed(f"The step {name!r} {how}; it said: {said}", remedy=f"The whole output is {log_path}.")
    return True


def say_ready() -> bool:
    """Tell the one who started this process as a step that the step is done; False if nobody asked."""
    descriptor = os.environ.pop(READY_VARIABLE, None)
    if descriptor is None:
        return False
    with os.fdopen(int(descriptor), "wb") as pipe:
        pipe.write(b"\n")
    return True


def _is_readable(descriptor: int) -> bool:
    return bool(select.select([descriptor], [], [], 0)[0])
