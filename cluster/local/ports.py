"""Every port of a farm, chosen once and kept in farm.json, so that they are stable and two farms never clash."""

from __future__ import annotations

import contextlib
import fcntl
import os
import socket
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from tempfile import gettempdir
from typing import ClassVar, TextIO

import psutil
from pydantic import BaseModel, ConfigDict

from jobs.errors import Conflict

PREFERRED_HTTP_PORT = 8700
_LOWEST = 10_000
_KERNEL_PORTS_FROM = 32_768  # outgoing connections take ports from here up, which would steal one while we are down
_BLOCK = 64
_DIRECT = 20  # of each kind: replicas of the API that HAProxy reaches directly, old and new in a rolling update

_LAST_BLOCK_PATIENCE_S = 10.0
"""What just ended may hold a port a little longer; the ports of last time are worth that wait."""
_POLL_S = 0.25


class PortTaken(Conflict):
    """A port that was asked for is taken by another program."""

    code: ClassVar[str] = "port-taken"


class FarmPorts(BaseModel):
    """The ports of one farm; all but `http` (and `dashboard`, if asked for) lie in one block of its own."""

    model_config = ConfigDict(frozen=True)

    block: int
    http: int
    dashboard: int
    postgres: int
    gcs: int
    ray_client: int
    node_manager: int
    object_manager: int
    dashboard_agent: int
    dashboard_agent_grpc: int
    runtime_env_agent: int
    metrics: int
    autoscaler_metrics: int
    dashboard_metrics: int
    serve_fallback_http: int
    serve_fallback_grpc: int
    haproxy_metrics: int
    haproxy_stats: int
    direct_http_first: int
    direct_http_last: int
    direct_grpc_first: int
    direct_grpc_last: int

    @classmethod
    def in_block(cls, block: int, *, http: int, dashboard: int | None) -> FarmPorts:
        """The layout of a block: the single ports first, then the two ranges."""
        singles = [name for name in cls.model_fields if not name.startswith(("block", "http", "direct_"))]
        numbers = {name: block + 1 + place for place, name in enumerate(singles)}
        if dashboard is not None:
            numbers["dashboard"] = dashboard
        ranges = _direct_from(block)
        return cls(
            block=block,
            http=http,
            direct_http_first=ranges,
            direct_http_last=ranges + _DIRECT - 1,
            direct_grpc_first=ranges + _DIRECT,
            direct_grpc_last=ranges + 2 * _DIRECT - 1,
            **numbers,
        )


class PortReservation:
    """The right of one running farm to its ports, against other farms of this user that start at the same time.

    Held as file locks, which the kernel drops with the process, however it ends.
    """

    def __init__(self, *, directory: Path | None = None) -> None:
        self._directory = directory or Path(gettempdir()) / f"rayfarm-ports-{os.geteuid()}"
        self._locks: list[TextIO] = []

    def reserve(
        self, *, home: Path, last: FarmPorts | None, http: int | None = None, dashboard: int | None = None
    ) -> FarmPorts:
        """The ports of last time if they are free, else others. A port that was asked for is never replaced."""
        self.release()
        self._directory.mkdir(mode=0o700, exist_ok=True)
        for asked in (http, dashboard):
            if asked is not None and not self._take(asked):
                self.release()
                raise PortTaken(
                    f"Port {asked}, which was asked for, is taken by another program.",
                    remedy="Ask for another one, or for none to let the farm choose.",
                )
        block = self._take_block(home, last)
        if http is None:
            wishes = [last.http] if last else []
            candidates = [*wishes, PREFERRED_HTTP_PORT, block]
            http = next(port for port in candidates if port == block or self._take(port))
        return FarmPorts.in_block(block, http=http, dashboard=dashboard)

    def release(self) -> None:
        """Let others have them."""
        while self._locks:
            self._locks.pop().close()

    def _take_block(self, home: Path, last: FarmPorts | None) -> int:
        for block in _candidate_blocks(home, last):
            if self._lock(f"block-{block}"):
                patience_s = _LAST_BLOCK_PATIENCE_S if last is not None and block == last.block else 0.0
                if _all_free(block, patience_s=patience_s):
                    return block
                self._locks.pop().close()
        raise PortTaken(f"No {_BLOCK} free ports in a row between {_LOWEST} and {_KERNEL_PORTS_FROM}.")

    def _take(self, port: int) -> bool:
        return self._lock(f"port-{port}") and is_free(port)

    def _lock(self, name: str) -> bool:
        file = (self._directory / name).open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.close()
            return False
        self._locks.append(file)
        return True


def is_free(port: int) -> bool:
    """Whether nothing listens on the port, on any address."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a connection that just ended is not a listener
        with contextlib.suppress(OSError):
            probe.bind(("", port))
            return True
    return False


def _all_free(block: int, *, patience_s: float) -> bool:
    """Whether the whole block is free, at the latest after ``patience_s``."""
    deadline = time.monotonic() + patience_s
    while not _is_block_free(block):
        if time.monotonic() >= deadline:
            return False
        time.sleep(_POLL_S)
    return True


def _is_block_free(block: int) -> bool:
    """Serve's replicas bind without `SO_REUSEADDR`: for a minute after the farm's end (TIME_WAIT) one that it ended
    looks taken to `is_free`. That keeps the farm from nothing: a replica goes on to the next port of its range."""
    taken = {port for port in range(block, block + _BLOCK) if not is_free(port)}
    return not taken or (min(taken) >= _direct_from(block) and not _anyone_listens(taken))


def _direct_from(block: int) -> int:
    return block + _BLOCK - 2 * _DIRECT


def _anyone_listens(ports: set[int]) -> bool:
    """On any address, whoever it is; true where the system does not say (macOS without root, and no HAProxy)."""
    try:
        sockets = psutil.net_connections("tcp")
    except psutil.Error:
        return True
    return any(found.status == psutil.CONN_LISTEN and found.laddr and found.laddr.port in ports for found in sockets)


def _candidate_blocks(home: Path, last: FarmPorts | None) -> Iterator[int]:
    """That of last time, then all others from a place that depends on the home, so that farms rarely meet."""
    if last is not None:
        yield last.block
    count = (_KERNEL_PORTS_FROM - _LOWEST) // _BLOCK
    start = int.from_bytes(sha256(os.fsencode(home)).digest()[:4]) % count
    for step in range(count):
        block = _LOWEST + (start + step) % count * _BLOCK
        if last is None or block != last.block:
            yield block
