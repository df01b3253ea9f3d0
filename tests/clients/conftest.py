"""A scripted farm and a patient, fast client of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from rayfarm import Client, TransportSettings
from tests.clients.scripted_farm import FarmServer, serving
from tests.serve_app.conftest import *  # noqa: F403 - the fixtures of a real API, whatever they are made of

QUICK = TransportSettings(
    first_contact=timedelta(milliseconds=300),
    patience=timedelta(seconds=5),
    backoff_first=timedelta(milliseconds=5),
    backoff_longest=timedelta(milliseconds=20),
)


@pytest.fixture(autouse=True)
def no_farm_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A developer's own farm and key stay out of the tests."""
    for name in ("RAYFARM_URL", "RAYFARM_API_KEY"):
        monkeypatch.delenv(name, raising=False)
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
