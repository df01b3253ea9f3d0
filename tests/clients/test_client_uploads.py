"""The client's uploads against the real API: how many requests they take, and that what arrives is whole."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import ByteSize
from starlette.types import ASGIApp, Receive, Scope, Send

from rayfarm import Client, UsageError, uploads
from serve_app.app import build_app
from storage import StorageSettings
from tests.clients.conftest import QUICK, listening
from tests.clients.scripted_farm import FarmServer
from tests.serve_app.farm import ApiFarm, digest_of
from tests.storage.backends import pattern

PART = 5 * 2**20


class Counted:
    """An app that counts its requests by their route."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.requests: Counter[str] = Counter()
        self.refuse: Callable[[str], bool] = lambda _: False
        """Of which requests the connection breaks."""

    @property
    def parts(self) -> int:
        return sum(count for name, count in self.requests.items() if name.startswith("PUT /v1/parts/"))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            name = f"{scope['method']} {scope['path']}"
            self.requests[name] += 1
            if self.refuse(name):
                headers = [(b"content-length", b"10")]
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                raise ConnectionError("as a crash would")  # uvicorn cuts the connection: the answer is not whole
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


class TestLargeFiles:
    @pytest.fixture
    def storage_settings(self, storage_settings: StorageSettings, monkeypatch: pytest.MonkeyPatch) -> StorageSettings:
        monkeypatch.setattr(uploads, "LARGE_BYTES", PART)
        sizes = {"part_bytes": ByteSize(PART), "max_blob_bytes": ByteSize(4 * PART)}
        return storage_settings.model_copy(update=sizes)

    @pytest.fixture
    def large(self, tmp_path: Path) -> Path:
        path = tmp_path / "cache.vdb"
        path.write_bytes(pattern(3 * PART + 1))
        return path

    async def test_a_large_file_goes_in_parts_and_arrives_whole(
        self, counted: tuple[Counted, Client], farm: ApiFarm, large: Path
    ) -> None:
        app, client = counted
        sent: list[int] = []
        report = await asyncio.to_thread(client.upload, [large], on_sent=lambda count, _: sent.append(count))
        assert sum(sent) == report.sent_bytes == 3 * PART + 1
        assert app.parts == 4
        [blob] = report.blobs
        there = await farm.http.head(f"/v1/blobs/{blob.digest}")
        assert there.headers["content-length"] == str(3 * PART + 1)

    async def test_a_farm_that_gives_few_links_at_a_time_is_asked_for_the_next(
        self, farm: ApiFarm, large: Path, api_settings: Any, database_settings: Any, storage_settings: Any
    ) -> None:
        settings = api_settings.model_copy(update={"upload_links": 1})
        app = Counted(build_app(settings, database_settings=database_settings, storage_settings=storage_settings))
        async with listening(app) as port:  # type: ignore[arg-type]
            with Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK) as client:
                [blob] = (await asyncio.to_thread(client.upload, [large])).blobs
        assert app.parts == 4
        assert sum(count for name, count in app.requests.items() if name.startswith("GET /v1/uploads/")) == 3
        assert (await farm.http.head(f"/v1/blobs/{blob.digest}")).headers["content-length"] == str(3 * PART + 1)

    async def test_a_client_that_died_sends_only_the_parts_that_lack(
        self, counted: tuple[Counted, Client], farm: ApiFarm, large: Path
    ) -> None:
        app, client = counted
        content = large.read_bytes()
        new = {"digest": digest_of(content), "size_bytes": len(content)}
        begun = await asyncio.to_thread(client._transport.json, "POST", "/v1/uploads", json=new, repeatable=True)
        for part in begun["parts"][:3]:
            start = (part["number"] - 1) * PART
            data = content[start : start + part["size_bytes"]]
            await asyncio.to_thread(
                client._transport.put, part["url"], body=lambda data=data: [data], size_bytes=len(data)
            )
        app.requests.clear()
        sent: list[int] = []
        await asyncio.to_thread(client.upload, [large], on_sent=lambda count, _: sent.append(count))
        assert app.parts == 1
        assert sum(sent) == len(content)  # the bar ends full
        assert (await farm.http.head(f"/v1/blobs/{new['digest']}")).status_code == 200

    async def test_a_connection_that_breaks_costs_one_part(
        self, counted: tuple[Counted, Client], farm: ApiFarm, large: Path
    ) -> None:
        app, client = counted
        broken: list[str] = []

        def once(name: str) -> bool:
            if name.startswith("PUT /v1/parts/") and not broken:
                broken.append(name)
                return True
            return False

        app.refuse = once
        await asyncio.to_thread(client.upload, [large])
        assert (len(broken), app.parts) == (1, 5)
        assert await farm.count("blob") == 1

    async def test_a_large_file_that_changes_is_told_and_leaves_no_upload(
        self, counted: tuple[Counted, Client], farm: ApiFarm, large: Path
    ) -> None:
        _, client = counted
        changes = iter([True])

        def change(_count: int, _total: int) -> None:
            if next(changes, False):
                large.write_bytes(pattern(3 * PART + 1, seed=2))

        with pytest.raises(UsageError, match="changed while"):
            await asyncio.to_thread(client.upload, [large], on_sent=change)
        assert (await farm.count("blob"), await farm.count("upload")) == (0, 0)


def test_where_the_storage_is_out_of_reach_a_large_file_goes_through_the_farm(
    client: Client, scripted: FarmServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "LARGE_BYTES", 3)
    (tmp_path / "a.vdb").write_bytes(b"large")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        nowhere = f"http://127.0.0.1:{listener.getsockname()[1]}/bucket/part"
    part = {"number": 1, "size_bytes": 5, "is_there": False, "url": nowhere}
    upload = {"id": "u1", "state": "open", "part_bytes": 5, "parts": [part]}
    lacking = {"lacking": [digest_of(b"large")], "accepts": {"part_bytes": 5}}
    scripted.on("POST", "/v1/blobs/lacking", lambda request: request.json(lacking))
    scripted.on("POST", "/v1/uploads", lambda request: request.json(upload, 201))
    scripted.on("DELETE", "/v1/uploads/u1", lambda request: request.bytes(b"", 204))
    scripted.on("PUT", "/v1/blobs/.*", lambda request: request.json({}, 201))
    client.upload([tmp_path / "a.vdb"])
    assert len(scripted.requests("PUT", "/v1/blobs/.*")) == len(scripted.requests("DELETE", "/v1/uploads/u1")) == 1


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
