"""The client's uploads against the real API: how many requests they take, and that what arrives is whole."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from rayfarm import Client, UsageError
from serve_app.app import build_app
from tests.clients.conftest import QUICK, listening
from tests.clients.scripted_farm import FarmServer
from tests.serve_app.farm import ApiFarm, digest_of


class Counted:
    """An app that counts its requests by their route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            self.requests[f"{scope['method']} {scope['path']}"] += 1
        await self._app(scope, receive, send)


@pytest.fixture
async def counted(farm: ApiFarm, make_app: Callable[[], FastAPI]) -> AsyncIterator[tuple[Counted, Client]]:
    counted = Counted(make_app())
    async with listening(counted) as port:  # type: ignore[arg-type]
        client = Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK)
        yield counted, client
        client.close()


class TestManySmallFiles:
    @pytest.fixture
    def make_app(self, api_settings: Any, database_settings: Any, storage_settings: Any) -> Callable[[], FastAPI]:
        settings = api_settings.model_copy(update={"max_digests": 10_000, "max_json_bytes": 2**20})
        return lambda: build_app(settings, database_settings=database_settings, storage_settings=storage_settings)

    async def test_ten_thousand_files_of_some_bytes_take_seven_requests(
        self, counted: tuple[Counted, Client], farm: ApiFarm, tmp_path: Path
    ) -> None:
        app, client = counted
        folder = tmp_path / "cache"
        folder.mkdir()
        paths = [folder / f"{number}.bin" for number in range(10_000)]
        for number, path in enumerate(paths):
            path.write_bytes(b"%d" % number)
        sent: list[int] = []
        report = await asyncio.to_thread(client.upload, paths, on_sent=lambda count, _: sent.append(count))
        assert app.requests == {"POST /v1/blobs/lacking": 2, "POST /v1/blobs:batch": 5}
        assert report.sent_files == await farm.count("project_blob") == 10_000
        assert sum(sent) == report.sent_bytes
        app.requests.clear()
        again = await asyncio.to_thread(client.upload, paths)
        assert again.sent_files == 0
        assert app.requests == {"POST /v1/blobs/lacking": 2}


async def test_a_farm_that_takes_short_questions_only_is_asked_in_halves(
    counted: tuple[Counted, Client], tmp_path: Path
) -> None:
    app, client = counted  # 50 digests in one question
    paths = [tmp_path / f"{number}.bin" for number in range(120)]
    for number, path in enumerate(paths):
        path.write_bytes(b"%d" % number)
    report = await asyncio.to_thread(client.upload, paths)
    assert report.sent_files == 120
    assert app.requests["POST /v1/blobs:batch"] == 1


async def test_large_files_go_alone_beside_the_archive(
    counted: tuple[Counted, Client], farm: ApiFarm, tmp_path: Path
) -> None:
    app, client = counted
    contents = [b"a", b"b", bytes(4 * 2**20)]
    for number, content in enumerate(contents):
        (tmp_path / f"{number}.bin").write_bytes(content)
    await asyncio.to_thread(client.upload, [tmp_path / f"{number}.bin" for number in range(3)])
    assert app.requests["POST /v1/blobs:batch"] == 1
    for content in contents:
        there = await farm.http.head(f"/v1/blobs/{digest_of(content)}")
        assert there.headers["content-length"] == str(len(content))


def test_a_farm_of_before_gets_each_file_alone(client: Client, scripted: FarmServer, tmp_path: Path) -> None:
    scripted.on("POST", "/v1/blobs/lacking", lambda request: request.json({"lacking": digests}))
    scripted.on("PUT", "/v1/blobs/.*", lambda request: request.json({}, 201))
    paths = [tmp_path / f"{number}.bin" for number in range(3)]
    for number, path in enumerate(paths):
        path.write_bytes(b"%d" % number)
    digests = [digest_of(b"%d" % number) for number in range(3)]
    assert client.upload(paths).sent_files == 3
    assert len(scripted.requests("PUT", "/v1/blobs/.*")) == 3
    assert scripted.requests("POST", "/v1/blobs:batch") == []


def test_a_small_file_that_changes_before_it_is_sent_is_told(
    client: Client, scripted: FarmServer, tmp_path: Path
) -> None:
    paths = [tmp_path / "a.bin", tmp_path / "b.bin"]
    for path in paths:
        path.write_bytes(path.name.encode())
    accepts = {"batch_files": 10, "batch_file_bytes": 1000, "batch_bytes": 10_000}

    def lacking(request: Any) -> None:
        paths[1].write_bytes(b"saved again")
        request.json({"lacking": [digest_of(b"a.bin"), digest_of(b"b.bin")], "accepts": accepts})

    scripted.on("POST", "/v1/blobs/lacking", lacking)
    with pytest.raises(UsageError, match=r"b\.bin changed while"):
        client.upload(paths)
