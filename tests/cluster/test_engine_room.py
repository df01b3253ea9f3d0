"""Many models pass through the engines of one replica: memory stays bounded, none is left over, pictures are right."""

from __future__ import annotations

import asyncio
import dataclasses
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest

from cluster.engines import EngineRoom
from cluster.settings import ClusterSettings
from jobs.spec import JobSpec
from pipelines.fake.png import gradient_png
from pipelines.settings import EngineSettings
from pipelines.splats import settings as splat_settings
from pipelines.splats.cameras import CameraPath, parse_path
from pipelines.video_memory import VideoMemory
from storage.base import Storage
from tests.cluster.engine_rooms import Case, Watch, engines, render, render_alone, storage_in
from tests.pipelines.cards import Cards

MODELS = 50
REAL_EVERY = 16
"""Of them one in so many is a cloud of gaussians, the others are fake ones with ballast."""
ROOM = 3
BALLAST_BYTES = 20_000_000
"""That each fake model makes its engine hold."""
ENGINE_BYTES = 90_000_000
"""That one engine of the fake pipeline may hold with it, and two may not: measured 54 MB each."""
OWN_GROWTH_BYTES = 100_000_000
"""That the replica's own process may grow by meanwhile: 4 MB a model would be a leak."""


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with storage_in(tmp_path / "storage") as opened:
        yield opened


def room_of(storage: Storage, tmp_path: Path, video: VideoMemory | None = None, **settings: Any) -> EngineRoom:
    return EngineRoom(
        replica_id=uuid4(),
        storage=storage,
        settings=ClusterSettings(cache_dir=tmp_path / "cache", **settings),
        engine_settings=EngineSettings(),
        video=video,
    )


def folders(tmp_path: Path) -> list[Path]:
    """Those that engines wrote their frames in, and have not been removed."""
    return [path for path in (tmp_path / "cache" / "scratch").glob("*/*") if path.is_dir()]


@pytest.mark.timeout(900)  # some 60 processes are started
@pytest.mark.slow
async def test_fifty_models_pass_through_room_for_three_and_every_frame_is_right(
    storage: Storage, tmp_path: Path
) -> None:
    models = [
        Case.splats(seed=number) if number % REAL_EVERY == 0 else Case.fake(number, BALLAST_BYTES)
        for number in range(MODELS)
    ]
    expected = {
        number: (await render_alone(models[number], tmp_path / f"alone-{number}"))[1]
        if number % REAL_EVERY == 0
        else gradient_png(width=8, height=8, frame=1, seed=number)
        for number in range(MODELS)
    }
    assert len(set(expected.values())) == MODELS
    assert (await render_alone(models[1], tmp_path / "alone-1"))[1] == expected[1]

    room, watch, own = room_of(storage, tmp_path, max_engines=ROOM), Watch(), psutil.Process()
    watching = asyncio.create_task(watch.run())
    own_bytes = own.memory_info().rss
    for number, model in enumerate(models):
        await model.store(storage)
        picture, warm = await render(room, model.chunk())
        assert picture == expected[number]
        assert not warm
        assert len(folders(tmp_path)) <= ROOM + 1, "the folder of an engine that left goes with the next load"
    picture, warm = await render(room, models[MODELS - ROOM].chunk())
    assert warm, "of the last three none had to leave"
    assert picture == expected[MODELS - ROOM]
    picture, warm = await render(room, models[0].chunk())
    assert (picture, warm) == (expected[0], False), "one that left comes back as it was"
    watching.cancel()
    assert ROOM <= watch.engines <= ROOM + 1, "one that closes may still be seen while the next one starts"
    assert watch.all_bytes <= (ROOM + 1) * watch.one_bytes
    assert own.memory_info().rss - own_bytes < OWN_GROWTH_BYTES
    assert len(engines()) == len(room.residents()) == ROOM
    await room.close()
    assert engines() == []
    assert list((tmp_path / "cache" / "scratch").glob("*/")) == []


async def test_the_budget_of_bytes_evicts_before_the_number_does(storage: Storage, tmp_path: Path) -> None:
    room = room_of(storage, tmp_path, max_engines=8, engine_memory_bytes=ENGINE_BYTES)
    for number in range(4):
        model = Case.fake(number, BALLAST_BYTES)
        await model.store(storage)
        await render(room, model.chunk())
        assert sum(resident["bytes"] for resident in room.residents()) <= ENGINE_BYTES
    assert len(engines()) == len(room.residents()) == 1
    await room.close()


async def test_the_budget_of_video_memory_evicts_those_that_hold_some_and_the_replica_shows_it(
    storage: Storage, tmp_path: Path
) -> None:
    cards = Cards(total=1000)
    room = room_of(storage, tmp_path, max_engines=8, engine_vram_bytes=500, video=VideoMemory(cards))
    models = [Case.fake(number) for number in range(4)]
    for model, vram_bytes in zip(models, (0, 300, 150, 100), strict=True):
        await model.store(storage)
        chunk = model.chunk()
        async with room.use(chunk, JobSpec.model_validate(chunk.spec), stop=asyncio.Event()) as lease:
            cards.held[lease.host.pid] = vram_bytes  # what its first frame takes
    held = [(resident["digest"], resident["vram_bytes"]) for resident in room.residents()]
    assert held == [
        (models[0].manifest.digest(), 0),  # used longest ago, and no help
        (models[2].manifest.digest(), 150),
        (models[3].manifest.digest(), 100),
    ]
    await room.close()


async def test_with_no_figure_set_the_engines_may_hold_most_of_what_the_cards_have(
    storage: Storage, tmp_path: Path
) -> None:
    cards = Cards(total=1000)
    room = room_of(storage, tmp_path, max_engines=8, video=VideoMemory(cards))
    for number in range(2):
        model = Case.fake(number)
        await model.store(storage)
        chunk = model.chunk()
        async with room.use(chunk, JobSpec.model_validate(chunk.spec), stop=asyncio.Event()) as lease:
            cards.held[lease.host.pid] = 450
    assert [resident["vram_bytes"] for resident in room.residents()] == [450]
    await room.close()


async def test_a_jobs_settings_are_read_beside_the_loop_on_which_leases_are_renewed(
    storage: Storage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    readers: list[int] = []

    def watched(data: Any) -> CameraPath:
        readers.append(threading.get_ident())
        return parse_path(data)

    monkeypatch.setattr(splat_settings, "parse_path", watched)
    camera = {"camera_to_world": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 4, 0, 0, 0, 1], "fov": 50}
    data = {"render_width": 24, "render_height": 16, "camera_path": [camera]}
    model = dataclasses.replace(Case.splats(seed=1), settings={"cameras": {"type": "inline", "data": data}})
    await model.store(storage)
    room, chunk = room_of(storage, tmp_path), model.chunk()
    async with room.use(chunk, JobSpec.model_validate(chunk.spec), stop=asyncio.Event()) as lease:
        assert lease.frame_size == (24, 16)
    await room.close()

    assert len(readers) == 1
    assert readers[0] != threading.get_ident()
