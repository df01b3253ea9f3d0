"""Many models pass through the engines of one replica: memory stays bounded, none is left over, pictures are right."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from pydantic import SecretStr

from cluster.engines import EngineRoom
from cluster.settings import ClusterSettings
from db.queue import ClaimedChunk
from jobs.spec import JobSpec
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from pipelines.base import FrameRequest
from pipelines.fake.png import gradient_png
from pipelines.settings import EngineSettings
from storage.base import Storage
from storage.open import open_storage
from storage.settings import StorageSettings

MODELS = 50
ROOM = 3
BALLAST_BYTES = 20_000_000
"""That each model makes its engine hold."""
ENGINE_BYTES = 90_000_000
"""That one engine of the fake pipeline may hold with it, and two may not: measured 54 MB each."""
PROJECT = uuid4()


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    opened = open_storage(
        StorageSettings(
            url=(tmp_path / "storage").as_uri(), signing_key=SecretStr("a-signing-key-of-a-test-only-0123456789")
        )
    )
    yield opened
    await opened.close()


def engines() -> list[psutil.Process]:
    """Live engine processes of this test."""
    found = []
    for child in psutil.Process().children():
        try:
            if "pipelines.worker" in child.cmdline() and child.status() != psutil.STATUS_ZOMBIE:
                found.append(child)
        except psutil.NoSuchProcess:
            continue
    return found


def held_by(processes: Iterable[psutil.Process]) -> int:
    total = 0
    for process in processes:
        try:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


async def watch(most: dict[str, int]) -> None:
    """Note the most engines, and the most memory that they held together, at any time."""
    while True:
        alive = engines()
        most["engines"] = max(most["engines"], len(alive))
        most["bytes"] = max(most["bytes"], held_by(alive))
        await asyncio.sleep(0.02)


async def chunk_of(storage: Storage, number: int) -> ClaimedChunk:
    """A claim on one frame of a model of its own."""
    content = json.dumps({"number": number, "resident_bytes": BALLAST_BYTES}).encode()
    digest = hashlib.sha256(content).hexdigest()

    async def chunks() -> AsyncIterator[bytes]:
        yield content

    await storage.put_blob(digest, chunks())
    file = ManifestFile(path="scene.fake", digest=digest, size_bytes=len(content))
    manifest = Manifest(kind=ModelKind.FAKE, main="scene.fake", files=(file,))
    spec = JobSpec.model_validate({"pipeline": "fake", "model": uuid4(), "frames": "1", "settings": {"seed": number}})
    return ClaimedChunk(
        work_id=number,
        fence=1,
        job_id=uuid4(),
        project_id=PROJECT,
        generation=1,
        ordinals=[0],
        frames=[1],
        pipeline="fake",
        model_id=uuid4(),
        model_digest=manifest.digest(),
        manifest=manifest.model_dump(mode="json"),
        spec=spec.model_dump(mode="json"),
        tries=0,
    )


async def render(room: EngineRoom, chunk: ClaimedChunk) -> tuple[bytes, bool]:
    """The picture, and whether its model was loaded before."""
    spec = JobSpec.model_validate(chunk.spec)
    async with room.use(chunk, spec, stop=asyncio.Event()) as lease:
        warm, scratch = lease.warm, lease.scratch_for(uuid4())
        output = await lease.host.render(FrameRequest(id="x", frame=1, settings=spec.settings, scratch=scratch))
        picture = output.main.read_bytes()
        lease.discard_scratch(scratch)
    return picture, warm


async def test_fifty_models_pass_through_room_for_three_and_every_frame_is_right(
    storage: Storage, tmp_path: Path
) -> None:
    room = EngineRoom(
        replica_id=uuid4(),
        storage=storage,
        settings=ClusterSettings(cache_dir=tmp_path / "cache", max_engines=ROOM),
        engine_settings=EngineSettings(),
    )
    most = {"engines": 0, "bytes": 0}
    watching = asyncio.create_task(watch(most))
    for number in range(MODELS):
        picture, warm = await render(room, await chunk_of(storage, number))
        assert picture == gradient_png(width=8, height=8, frame=1, seed=number)
        assert not warm
    _, warm = await render(room, await chunk_of(storage, MODELS - ROOM))
    assert warm, "of the last three none had to leave"
    watching.cancel()
    assert ROOM <= most["engines"] <= ROOM + 1, "one that closes may still be seen while the next one starts"
    assert most["bytes"] <= (ROOM + 1) * ENGINE_BYTES
    assert len(engines()) == len(room.residents()) == ROOM
    await room.close()
    assert engines() == []


async def test_the_budget_of_bytes_evicts_before_the_number_does(storage: Storage, tmp_path: Path) -> None:
    room = EngineRoom(
        replica_id=uuid4(),
        storage=storage,
        settings=ClusterSettings(cache_dir=tmp_path / "cache", max_engines=8, engine_memory_bytes=ENGINE_BYTES),
        engine_settings=EngineSettings(),
    )
    for number in range(4):
        await render(room, await chunk_of(storage, number))
        assert sum(resident["bytes"] for resident in room.residents()) <= ENGINE_BYTES
    assert len(engines()) == len(room.residents()) == 1
    await room.close()
