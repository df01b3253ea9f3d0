"""Servers beside a farm, each a process on a free port of its own, known to answer."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx

from loadtests.noop.processes import require_alive, running

_ANSWERS_WITHIN_S = 120.0


@contextmanager
def serving(module: str, *, path: str, log: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """``python -m module PORT`` until the block ends; its address, once ``path`` is answered with success."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    with running(module, str(port), log=log, environment=environment) as process:
        end = time.monotonic() + _ANSWERS_WITHIN_S
        while not _answers(f"{url}{path}"):
            require_alive([process], log)
            if time.monotonic() > end:
                raise RuntimeError(f"{module} does not answer: {log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.1)
        yield url


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=30).is_success
    except httpx.TransportError:
        return False
