"""Start, stop and look at the farm of this machine: what `rayfarm up`, `down` and `status` do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import ClassVar

from cluster.local import ray_session
from cluster.local.farm_file import FarmFile, FarmHome, Stage
from cluster.local.processes import ProcessMark, wait_until
from cluster.local.settings import LocalFarmSettings
from cluster.local.settings_check import check_settings
from cluster.local.supervisor import DEPLOY_COMMAND, FarmIsRunning, farm_lock, sweep_leftovers
from jobs.errors import Unavailable

Progress = Callable[[str, str, float], None]
"""Told (stage, detail, seconds since `up` was called) at each step."""

_SUPERVISOR_STOPS_WITHIN = timedelta(seconds=20)  # it promises 15; then it is killed and swept after
_DOWN_WITHIN = timedelta(seconds=60)  # another `down`: that long for its supervisor, and two graces of Ray behind it


class FarmFailed(Unavailable):
    """The farm did not start."""

    code: ClassVar[str] = "farm-failed"


@dataclass(frozen=True, kw_only=True)
class FarmInfo:
    """A farm that is ready, and where."""

    home: Path
    api_url: str
    dashboard_url: str
    ray_address: str
    ray_token_path: Path
    cluster_id: str
    supervisor_pid: int
    started_now: bool


@dataclass(frozen=True, kw_only=True)
class FarmStatus:
    """What is known of a home without asking the farm itself."""

    home: Path
    running: bool
    """Whether its supervisor lives."""
    stage: Stage
    detail: str
    record: FarmFile | None
    leftovers: int
    """Processes of Ray that a killed supervisor left; the next `up` or `down` ends them."""


def up(
    home: Path,
    options: LocalFarmSettings | None = None,
    *,
    progress: Progress | None = None,
    deploy_command: Sequence[str] = DEPLOY_COMMAND,
) -> FarmInfo:
    """Make sure the farm of `home` runs and is ready. One that already runs is left as it is, whatever `options`.

    Raises ``InvalidSettings`` before anything is started, and ``FarmFailed``.
    """
    place = FarmHome(home)
    place.create()
    options = options or LocalFarmSettings(home=home)
    tell = _Teller(progress)
    started: subprocess.Popen[bytes] | None = None
    begun, said_before = datetime.now(UTC), 0
    end = time.monotonic() + options.ready_timeout.total_seconds()
    while time.monotonic() < end:
        record = place.read()
        if record is not None and record.supervisor is not None and record.supervisor.is_alive():
            # Why it stops is the error that follows, told once.
            tell(record.stage, "" if record.stage is Stage.STOPPING else record.detail)
            if record.stage is Stage.READY:
                return _info(place, record, started_now=started is not None)
        elif started is None:
            check_settings(options)
            begun, said_before = datetime.now(UTC), _size_of(place.supervisor_out)
            tell(Stage.STARTING, "its supervisor")  # which takes seconds to say something itself
            started = _spawn_supervisor(place, options, deploy_command)
        elif started.poll() is not None:
            if not _another_runs(place):
                raise _failure(place, begun, said_before)
            started = None  # two called `up` at once, and the other one's supervisor was quicker
        time.sleep(0.1)
    raise FarmFailed(
        f"The farm in {place.root} was not ready after {options.ready_timeout.total_seconds():.0f} s; "
        f"its last step is {tell.last}.",
        remedy=f"It is still being tried. Its logs are in {place.logs}; `rayfarm down` ends it.",
    )


def down(home: Path, *, progress: Progress | None = None) -> bool:
    """End the farm of `home` and everything it started; False if nothing of it ran.

    A second `down` beside the first waits for it and succeeds as well. One farm is ended: what another `up` starts
    meanwhile is left.
    """
    place = FarmHome(home)
    if not place.lock_path.exists() and place.read() is None:
        return False
    tell = _Teller(progress)
    ended: ProcessMark | None = None
    end = time.monotonic() + _DOWN_WITHIN.total_seconds()
    while True:
        record = place.read()
        running = None if record is None else record.supervisor
        if running is not None and running.is_alive():
            if ended is not None and running != ended:
                return True
            ended = running
            tell(Stage.STOPPING, "ending Ray and the database")
            _end_supervisor(running)
        try:
            with farm_lock(place):
                return _sweep(place) or ended is not None
        except FarmIsRunning as error:
            # A supervisor that just starts or ends, or another `down`.
            if time.monotonic() > end:
                raise FarmIsRunning(
                    f"Something holds the farm in {place.root} for more than {_DOWN_WITHIN.total_seconds():.0f} s.",
                    remedy=f"`rayfarm status` shows it; its logs are in {place.logs}.",
                ) from error
        time.sleep(0.1)


def status(home: Path) -> FarmStatus:
    """Look at the farm of `home`."""
    place = FarmHome(home)
    record = place.read()
    if record is None:
        return FarmStatus(home=place.root, running=False, stage=Stage.STOPPED, detail="", record=None, leftovers=0)
    running = record.supervisor is not None and record.supervisor.is_alive()
    left = len(ray_session.members(record.ray)) if record.ray is not None and not running else 0
    stage, detail = record.stage, record.detail
    if not running and stage is not Stage.FAILED:
        stage, detail = Stage.STOPPED, "its supervisor was killed" if record.supervisor is not None else ""
    return FarmStatus(
        home=place.root, running=running, stage=stage, detail=detail, record=record, leftovers=left
    )  # fmt: skip


class _Teller:
    """Tells each stage once."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self._told: tuple[str, str] | None = None
        self.last = "none"
        self._began = time.monotonic()

    def __call__(self, stage: Stage, detail: str) -> None:
        self.last = f"{stage.value} ({detail})"
        if self._progress is not None and self._told != (stage, detail):
            self._told = (stage, detail)
            self._progress(stage.value, detail, time.monotonic() - self._began)


def _spawn_supervisor(
    home: FarmHome, options: LocalFarmSettings, deploy_command: Sequence[str]
) -> subprocess.Popen[bytes]:
    """In an OS session of its own: it outlives the terminal and whatever called `up`."""
    command = [sys.executable, "-m", "cluster.local.supervisor", "--home", str(home.root)]
    if tuple(deploy_command) != DEPLOY_COMMAND:
        command += ["--deploy-command", *deploy_command]
    with home.supervisor_out.open("ab") as out:
        return subprocess.Popen(
            command,
            env={**os.environ, **options.as_environment()},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _end_supervisor(supervisor: ProcessMark) -> None:
    supervisor.send(signal.SIGTERM)
    if not wait_until(lambda: not supervisor.is_alive(), _SUPERVISOR_STOPS_WITHIN):
        supervisor.send(signal.SIGKILL)
        wait_until(lambda: not supervisor.is_alive(), timedelta(seconds=5))


def _sweep(home: FarmHome) -> bool:
    """End what a supervisor left, under the farm's lock; whether there was anything."""
    record = home.read()
    if record is None:
        return False
    left = sweep_leftovers(home, record, grace=LocalFarmSettings(home=home.root).ray_stop_grace)
    stage = record.stage if record.stage is Stage.FAILED else Stage.STOPPED
    home.write(record.model_copy(update={"supervisor": None, "ray": None, "stage": stage}))
    return left > 0


def _another_runs(home: FarmHome) -> bool:
    try:
        with farm_lock(home):
            return False
    except FarmIsRunning:
        return True


def _failure(home: FarmHome, begun: datetime, said_before: int) -> FarmFailed:
    """What this start said: the record and the output of an earlier one may still be there."""
    record = home.read()
    said = ""
    if record is not None and record.stage is Stage.FAILED and record.since >= begun:
        said = record.detail
    if not said:
        said = home.supervisor_out.read_bytes()[said_before:].decode(errors="replace")[-1500:].strip()
    return FarmFailed(f"The farm in {home.root} did not start. {said}", remedy=f"Its logs are in {home.logs}.")


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _info(home: FarmHome, record: FarmFile, *, started_now: bool) -> FarmInfo:
    assert record.supervisor is not None
    return FarmInfo(
        home=home.root,
        api_url=record.api_url or "",
        dashboard_url=record.dashboard_url or "",
        ray_address=record.ray_address or "",
        ray_token_path=home.ray_token,
        cluster_id=record.cluster_id,
        supervisor_pid=record.supervisor.pid,
        started_now=started_now,
    )
