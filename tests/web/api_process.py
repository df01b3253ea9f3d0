"""The API in a process of its own that serves the web app, and can be killed and started again at its address."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
_READY_WITHIN_S = 120.0


class ApiProcess:
    """Keeps its port, as a replica behind a load balancer keeps its address."""

    def __init__(self, environment: Mapping[str, str], *, log: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        clean = {name: value for name, value in os.environ.items() if not name.startswith("RAYFARM_")}
        self._environment = {**clean, **environment}
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self, **environment: str) -> None:
        """Until it is ready; ``environment`` replaces variables from now on."""
        self._environment |= environment
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "loadtests.noop.api", str(self._port)],
                cwd=ROOT,
                env=self._environment,
                stdout=out,
                stderr=out,
            )
        end = time.monotonic() + _READY_WITHIN_S
        while not self._is_ready():
            if self._process.poll() is not None or time.monotonic() > end:
                raise RuntimeError(f"The API did not start: {self._log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """As a machine that loses its power: open connections break off."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/v1/health/ready", timeout=30).is_success
        except httpx.TransportError:
            return False
