"""A large file that is saved again sends what changed: over the real API, and whole again on a replica's disk."""

from __future__ import annotations

import asyncio
import io
import json
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from fastapi import FastAPI
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ByteSize
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from db.billing.quotas import stored_bytes
from db.repositories.models import get_model
from models.manifest import Manifest
from models.materialise import ModelCache
from rayfarm import Client, UsageError, cutting, uploads
from rayfarm.cli import main
from rayfarm.cutting import CUT_FROM_BYTES, MAX_BYTES, MIN_BYTES, cut
from serve_app.app import build_app
from tests.clients.conftest import QUICK, listening
from tests.clients.scripted_farm import FarmServer
from tests.clients.test_client_against_the_api import probing
from tests.serve_app.farm import ApiFarm, digest_of, problem_of

MIB = 2**20
SCENE = random.Random(20).randbytes(40 * MIB)
"""Of fixed bytes: where it is cut, and so what a change sends, is the same in every run."""
CHANGES = {
    "a few bytes in the middle": SCENE[: 20 * MIB] + b"a few bytes" + SCENE[20 * MIB :],
    "a megabyte at the start": random.Random(21).randbytes(MIB) + SCENE,
}


class Metered:
    """An app that counts the bytes of the bodies it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self.received_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def metered() -> Message:
            message = await receive()
            self.received_bytes += len(message.get("body", b""))
            return message

        await self._app(scope, metered, send)


@pytest.fixture
async def metered(farm: ApiFarm, make_app: Callable[[], FastAPI]) -> AsyncIterator[tuple[Metered, Client]]:
    meter = Metered(make_app())
    async with listening(meter) as port:  # type: ignore[arg-type]
        client = Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK)
        yield meter, client
        client.close()


@pytest.fixture
def make_app(api_settings: Any, database_settings: Any, storage_settings: Any) -> Callable[[], FastAPI]:
    """The limits that a farm has where nobody sets them, of what matters here."""
    api = {"max_digests": 10_000, "max_json_bytes": ByteSize(MIB)}
    limits = api_settings.model_copy(update=api)
    storage = storage_settings.model_copy(update={"max_blob_bytes": ByteSize(64 * MIB)})
    return lambda: build_app(limits, database_settings=database_settings, storage_settings=storage)


def saved(folder: Path, content: bytes, blend: Callable[[bytes], bytes]) -> bytes:
    """The bytes of the scene that lies in the folder now."""
    whole = blend(content)
    (folder / "scene.blend").write_bytes(whole)
    return whole


async def registered(farm: ApiFarm, client: Client, path: Path, said: list[str] | None = None) -> UUID:
    async with probing(farm):
        model = await asyncio.to_thread(client.register_model, path, on_step=said.append if said is not None else None)
    return UUID(model.id)


async def on_a_replica(farm: ApiFarm, model_id: UUID, folder: Path) -> bytes:
    """The scene's file as a replica would open it."""
    async with farm.db.transaction() as tx:
        row = await get_model(tx, model_id=model_id)
    assert row is not None
    manifest = Manifest.model_validate(row.manifest)
    cache = ModelCache(root=folder, budget_bytes=2**30, verify=False)
    async with cache.checkout(manifest, fetch=farm.storage.fetch_blob) as root:
        return (root / manifest.main).read_bytes()


@pytest.mark.parametrize("change", CHANGES)
async def test_a_scene_saved_again_sends_little_and_arrives_whole(
    metered: tuple[Metered, Client],
    farm: ApiFarm,
    tmp_path: Path,
    blend: Callable[[bytes], bytes],
    change: str,
) -> None:
    meter, client = metered
    said: list[str] = []
    before = saved(tmp_path, SCENE, blend)
    first = await registered(farm, client, tmp_path / "scene.blend", said)
    assert meter.received_bytes > len(before)
    assert "there already" not in "".join(said)
    assert await on_a_replica(farm, first, tmp_path / "cache") == before

    meter.received_bytes = 0
    after = saved(tmp_path, CHANGES[change], blend)
    second = await registered(farm, client, tmp_path / "scene.blend", said)
    assert meter.received_bytes < 0.15 * len(after)
    assert "MiB of them were there already" in "".join(said)
    assert await on_a_replica(farm, second, tmp_path / "cache") == after

    meter.received_bytes = 0
    assert await registered(farm, client, tmp_path / "scene.blend") == second
    assert meter.received_bytes < 64 * 1024  # questions and the manifest


async def test_what_a_project_stores_is_each_chunk_once(
    metered: tuple[Metered, Client], farm: ApiFarm, tmp_path: Path, blend: Callable[[bytes], bytes]
) -> None:
    _, client = metered
    for content in (SCENE[: 17 * MIB], SCENE[: 9 * MIB] + b"!" + SCENE[9 * MIB : 17 * MIB]):
        saved(tmp_path, content, blend)
        await registered(farm, client, tmp_path / "scene.blend")
    async with farm.db.transaction() as tx:
        stored = await stored_bytes(tx, project_id=farm.project_id)
    assert 17 * MIB < stored < 23 * MIB


async def test_an_upload_that_broke_off_goes_on_where_it_was(
    metered: tuple[Metered, Client],
    farm: ApiFarm,
    tmp_path: Path,
    blend: Callable[[bytes], bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    meter, client = metered
    saved(tmp_path, SCENE, blend)
    sent: list[int] = []
    real = uploads.send_archive

    def dies_after_one(*arguments: Any) -> Any:
        if sent:
            raise UsageError("the lid was closed")
        sent.append(1)
        return real(*arguments)

    monkeypatch.setattr(uploads, "send_archive", dies_after_one)
    with pytest.raises(UsageError, match="lid"):
        await asyncio.to_thread(client.register_model, tmp_path / "scene.blend")
    there, meter.received_bytes = meter.received_bytes, 0
    monkeypatch.setattr(uploads, "send_archive", real)
    model_id = await registered(farm, client, tmp_path / "scene.blend")
    assert there > 20 * MIB
    assert meter.received_bytes < 15 * MIB
    assert await on_a_replica(farm, model_id, tmp_path / "cache") == (tmp_path / "scene.blend").read_bytes()


async def test_a_farm_with_small_archives_gets_large_chunks_alone(
    farm: ApiFarm, api_settings: Any, database_settings: Any, storage_settings: Any, tmp_path: Path, blend: Any
) -> None:
    limits = api_settings.model_copy(update={"max_digests": 10_000, "batch_file_bytes": ByteSize(MIB)})
    storage = storage_settings.model_copy(update={"max_blob_bytes": ByteSize(64 * MIB)})
    app = build_app(limits, database_settings=database_settings, storage_settings=storage)
    content = saved(tmp_path, SCENE[: 17 * MIB], blend)
    async with listening(app) as port:
        client = Client(f"http://127.0.0.1:{port}", farm.key, settings=QUICK)
        model_id = await registered(farm, client, tmp_path / "scene.blend")
        client.close()
    assert await on_a_replica(farm, model_id, tmp_path / "cache") == content


async def test_what_the_command_prints_tells_what_was_there(
    farm: ApiFarm, port: int, tmp_path: Path, blend: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["render", str(tmp_path / "scene.blend"), "--detach", "--url", f"http://127.0.0.1:{port}"]
    for content in (SCENE[: 17 * MIB], SCENE[: 9 * MIB] + b"!" + SCENE[9 * MIB : 17 * MIB]):
        saved(tmp_path, content, blend)
        async with probing(farm):
            assert await asyncio.to_thread(main, [*words, "--api-key", farm.key, "--frames", "1"]) == 0
    printed = capsys.readouterr()
    assert "MiB of them were there already" in printed.out + printed.err


def test_a_farm_of_before_gets_a_large_file_whole(
    client: Client, scripted: FarmServer, tmp_path: Path, blend: Callable[[bytes], bytes]
) -> None:
    content = saved(tmp_path, SCENE[:CUT_FROM_BYTES], blend)
    registrations: list[Any] = []

    def register(request: Any) -> None:
        registrations.append(json.loads(request.body))
        request.json({"id": "m1", "name": "scene", "state": "ready", "probe": {}, "missing": []})

    scripted.on("POST", "/v1/blobs/lacking", lambda request: request.json({"lacking": [digest_of(content)]}))
    scripted.on("PUT", "/v1/blobs/.*", lambda request: request.json({}, 201))
    scripted.on("POST", "/v1/models", register)
    client.register_model(tmp_path / "scene.blend")
    assert len(scripted.requests("PUT", f"/v1/blobs/{digest_of(content)}")) == 1
    assert len(scripted.requests("PUT", "/v1/blobs/.*")) == 1
    [file] = registrations[0]["manifest"]["files"]
    assert file == {"path": "scene.blend", "digest": digest_of(content), "size_bytes": len(content)}


class TestRefusals:
    async def test_a_file_in_chunks_may_be_no_larger_than_one_that_is_sent_whole(self, farm: ApiFarm) -> None:
        chunk = {"digest": await farm.upload(bytes(MIB)), "size_bytes": MIB}
        file = {"path": "scene", "digest": digest_of(b""), "size_bytes": 5 * MIB, "chunks": [chunk] * 5}
        manifest = {"kind": "fake", "main": "scene", "files": [file]}
        answer = await farm.http.post("/v1/models", json={"name": "large", "manifest": manifest})
        problem_of(answer, 413, "too-large")

    async def test_sizes_that_do_not_add_up_are_refused(self, farm: ApiFarm) -> None:
        chunk = {"digest": await farm.upload(b"ab"), "size_bytes": 2}
        file = {"path": "scene", "digest": digest_of(b"abab"), "size_bytes": 5, "chunks": [chunk, chunk]}
        manifest = {"kind": "fake", "main": "scene", "files": [file]}
        answer = await farm.http.post("/v1/models", json={"name": "sum", "manifest": manifest})
        assert "4 bytes together" in json.dumps(problem_of(answer, 422, "invalid-input"))


class TestCuts:
    @settings(max_examples=20, deadline=None)
    @given(st.integers(0, 2**32), st.integers(0, 3 * MAX_BYTES))
    def test_the_chunks_are_the_file_wherever_the_reading_pauses(self, seed: int, size: int) -> None:
        content = random.Random(seed).randbytes(size)
        pieces = [bytes(piece) for piece in cutting._chunks(io.BytesIO(content))]
        assert b"".join(pieces) == content
        assert all(len(piece) <= MAX_BYTES for piece in pieces)
        assert all(len(piece) >= MIN_BYTES for piece in pieces[:-1])
        at_once = cutting.fastcdc(content, min_size=MIN_BYTES, avg_size=cutting.MEAN_BYTES, max_size=MAX_BYTES)
        assert [len(piece) for piece in pieces] == [chunk.length for chunk in at_once]

    def test_a_stretch_taken_out_leaves_the_chunks_before_and_behind_it(self, tmp_path: Path) -> None:
        known: set[str] = set()
        for content in (SCENE, SCENE[: 9 * MIB] + SCENE[9 * MIB + 12345 :]):
            (tmp_path / "scene").write_bytes(content)
            pieces = cut(tmp_path / "scene")[1]
            new, known = [piece for piece in pieces if piece.digest not in known], {piece.digest for piece in pieces}
        assert sum(piece.size_bytes for piece in new) < 0.1 * len(SCENE)

    def test_a_file_of_zeros_is_one_chunk_many_times(self, tmp_path: Path) -> None:
        path = tmp_path / "zeros"
        path.write_bytes(bytes(20 * MIB))
        digest, pieces = cut(path)
        assert digest == digest_of(bytes(20 * MIB))
        assert (len(pieces), len({piece.digest for piece in pieces})) == (5, 1)
