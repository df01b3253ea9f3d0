"""A scripted farm and a patient, fast client of it."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import structlog
import uvicorn
from fastapi import FastAPI

from rayfarm import Client, TransportSettings
from tests.clients.scripted_farm import FarmServer, serving
from tests.serve_app.conftest import *  # noqa: F403 - the fixtures of a real API, whatever they are made of
from tests.serve_app.farm import ApiFarm

QUICK = TransportSettings(
    first_contact=timedelta(milliseconds=300),
    patience=timedelta(seconds=5),
    backoff_first=timedelta(milliseconds=5),
    backoff_longest=timedelta(milliseconds=20),
)


@pytest.fixture(autouse=True)
def no_farm_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A developer's own farm, key and logins stay out of the tests."""
    for name in ("RAYFARM_URL", "RAYFARM_API_KEY", "RAYFARM_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RAYFARM_CONFIG_DIR", str(tmp_path_factory.mktemp("config")))
    monkeypatch.setenv("RAYFARM_HOME", str(tmp_path_factory.mktemp("home")))


@pytest.fixture
def scripted() -> Iterator[FarmServer]:
    with serving() as server:
        yield server


@pytest.fixture
def client(scripted: FarmServer) -> Iterator[Client]:
    with Client(scripted.url, "rf_test_key", settings=QUICK) as client:
        yield client


@pytest.fixture
def blend() -> Callable[[bytes], bytes]:
    """Makes the smallest bytes that the header check takes for a whole .blend (no engine opens it)."""

    def make(marker: bytes = b"") -> bytes:
        def block(code: bytes, data: bytes) -> bytes:
            return code + len(data).to_bytes(4, "little") + bytes(8 + 4 + 4) + data

        return b"BLENDER-v405" + block(b"DATA", marker) + block(b"DNA1", b"SDNA") + block(b"ENDB", b"")

    return make


@asynccontextmanager
async def listening(app: FastAPI, port: int = 0) -> AsyncIterator[int]:
    """The API behind uvicorn until the block ends, which cuts its streams as a restart does."""
    listener = socket.create_server(("127.0.0.1", port))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listener]))
    async with asyncio.timeout(20):
        while not server.started and not task.done():
            await asyncio.sleep(0.01)
    try:
        yield listener.getsockname()[1]
    finally:
        server.should_exit = True
        await task
        listener.close()


@pytest.fixture
def make_app(app_for: Callable[[str], FastAPI]) -> Callable[[], FastAPI]:
    return lambda: app_for("behind uvicorn")


@pytest.fixture
async def port(farm: ApiFarm, make_app: Callable[[], FastAPI]) -> AsyncIterator[int]:
    async with listening(make_app()) as number:
        yield number


@pytest.fixture(autouse=True)
def _the_api_of_this_process_writes_nothing_among_what_the_command_prints() -> Iterator[None]:
    before = structlog.get_config()["wrapper_class"]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.configure(wrapper_class=before)
