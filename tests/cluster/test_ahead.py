"""What a replica does ahead of its work: engines that are kept warm, files that come while it renders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from cluster.engines import EngineRoom, ModelWish
from cluster.settings import ClusterSettings
from db.repositories.models import set_keep_warm
from jobs.spec import JobSpec
from jobs.states import JobState
from pipelines.settings import EngineSettings
from storage import blob_key
from storage.base import Storage
from tests.cluster.engine_rooms import Case, engines, render, storage_in
from tests.cluster.in_process import InProcessFarm

LONG_MS = 600_000
"""A load or a frame that no test waits for."""


@pytest.fixture
async def storage(tmp_path: Path) -> AsyncIterator[Storage]:
    async with storage_in(tmp_path / "storage") as opened:
        yield opened


def room_of(storage: Storage, tmp_path: Path, **settings: Any) -> EngineRoom:
    return EngineRoom(
        replica_id=uuid4(),
        storage=storage,
        settings=ClusterSettings(cache_dir=tmp_path / "cache", **settings),
        engine_settings=EngineSettings(),
    )


def wish(case: Case) -> ModelWish:
    chunk = case.chunk()
    return ModelWish.of(chunk, JobSpec.model_validate(chunk.spec))


async def stored(storage: Storage, *cases: Case) -> list[Case]:
    for case in cases:
        await case.store(storage)
    return list(cases)


def slow_to_load(number: int) -> Case:
    content = json.dumps({"number": number, "load_ms": LONG_MS}).encode()
    fake = Case.fake(number)
    return Case(kind=fake.kind, main=fake.main, files={fake.main: content}, settings=fake.settings)


def digests(room: EngineRoom) -> set[str]:
    return {resident["digest"] for resident in room.residents()}


class TestRoom:
    async def test_a_warm_engine_serves_the_first_chunk_at_once(self, storage: Storage, tmp_path: Path) -> None:
        [kept] = await stored(storage, Case.fake(1))
        room = room_of(storage, tmp_path)
        await room.warm(wish(kept))
        assert digests(room) == {kept.manifest.digest()}
        _, warm = await render(room, kept.chunk())
        assert warm
        await room.close()

    async def test_a_warm_engine_is_no_other_projects(self, storage: Storage, tmp_path: Path) -> None:
        [kept] = await stored(storage, Case.fake(1))
        room = room_of(storage, tmp_path)
        await room.warm(wish(kept))
        _, warm = await render(room, kept.chunk(project=uuid4()))
        assert not warm
        await room.close()

    async def test_what_is_kept_leaves_last_and_only_for_a_chunk(self, storage: Storage, tmp_path: Path) -> None:
        kept, *others = await stored(storage, *(Case.fake(number) for number in range(4)))
        room = room_of(storage, tmp_path, max_engines=2)
        room.keep([wish(kept).key])
        await room.warm(wish(kept))
        for other in others:
            await render(room, other.chunk())
        assert digests(room) == {kept.manifest.digest(), others[-1].manifest.digest()}
        held = others[-1].chunk()
        async with room.use(held, JobSpec.model_validate(held.spec), stop=asyncio.Event()):
            await render(room, others[0].chunk())
            assert kept.manifest.digest() not in digests(room)
        await room.close()

    async def test_a_chunk_does_not_wait_for_the_load_of_a_model_that_is_only_kept_warm(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        slow, wanted = await stored(storage, slow_to_load(1), Case.fake(2))
        room = room_of(storage, tmp_path, max_engines=1)  # the load has all the room there is
        warming = asyncio.create_task(room.warm(wish(slow)))
        await until(lambda: len(engines()) == 1)
        await render(room, wanted.chunk())
        await warming
        assert digests(room) == {wanted.manifest.digest()}
        assert len(engines()) == 1
        await room.close()

    async def test_a_chunk_of_the_model_that_is_being_warmed_shares_the_load(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        [kept] = await stored(storage, Case.fake(1))
        room = room_of(storage, tmp_path)
        warming = asyncio.create_task(room.warm(wish(kept)))
        await asyncio.sleep(0)
        await render(room, kept.chunk())
        await warming
        assert len(engines()) == len(room.residents()) == 1
        await room.close()

    async def test_nothing_is_warmed_while_a_chunk_renders(self, storage: Storage, tmp_path: Path) -> None:
        kept, rendered = await stored(storage, Case.fake(1), Case.fake(2))
        room, chunk = room_of(storage, tmp_path), rendered.chunk()
        async with room.use(chunk, JobSpec.model_validate(chunk.spec), stop=asyncio.Event()):
            await room.warm(wish(kept))
            assert digests(room) == {rendered.manifest.digest()}
        await room.warm(wish(kept))
        assert digests(room) == {rendered.manifest.digest(), kept.manifest.digest()}
        await room.close()

    async def test_more_models_than_there_is_room_for_do_not_push_each_other_out_for_ever(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        kept = await stored(storage, *(Case.fake(number) for number in range(3)))
        room = room_of(storage, tmp_path, max_engines=2)
        room.keep([wish(case).key for case in kept])
        for case in (*kept, *kept):
            await room.warm(wish(case))
        assert digests(room) == {case.manifest.digest() for case in kept[:2]}
        await room.close()

    async def test_a_warm_engine_that_died_while_idle_is_loaded_again_but_not_for_ever(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        kept, other = await stored(storage, Case.fake(1), Case.fake(2))
        room, lives = room_of(storage, tmp_path), 0
        await room.warm(wish(kept))
        while digests(room):
            lives += 1
            [engine] = engines()
            engine.kill()
            await until(lambda: not digests(room))
            await room.bury_dead()
            await room.warm(wish(kept))
        assert lives == 4
        assert len(room._engines) == 0
        await render(room, other.chunk())
        await room.warm(wish(kept))
        assert digests(room) == {kept.manifest.digest(), other.manifest.digest()}
        await room.close()

    async def test_an_engine_that_died_takes_no_ones_place(self, storage: Storage, tmp_path: Path) -> None:
        dead, kept = await stored(storage, Case.fake(1), Case.fake(2))
        room = room_of(storage, tmp_path, max_engines=1)
        room.keep([wish(dead).key, wish(kept).key])
        await render(room, dead.chunk())
        engines()[0].kill()
        await until(lambda: not digests(room))
        assert not room.would_warm(wish(kept).key)
        await room.bury_dead()
        await room.warm(wish(kept))
        assert digests(room) == {kept.manifest.digest()}
        await room.close()

    async def test_a_model_that_cannot_be_loaded_is_tried_again_after_the_next_chunk_and_not_before(
        self, storage: Storage, tmp_path: Path
    ) -> None:
        lost, sound = Case.fake(1), Case.fake(2)
        await sound.store(storage)
        room = room_of(storage, tmp_path)
        assert room.would_warm(wish(lost).key)
        await room.warm(wish(lost))
        assert (digests(room), room.would_warm(wish(lost).key)) == (set(), False)
        await render(room, sound.chunk())
        assert room.would_warm(wish(lost).key)
        await room.close()
        assert engines() == []


async def until(condition: Any) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


async def residents(farm: InProcessFarm) -> set[str]:
    """Digests that replicas show as loaded."""
    rows = await farm.rows("select one ->> 'digest' as digest from replica, jsonb_array_elements(residents) as one")
    return {row.digest for row in rows}


async def digest_of(farm: InProcessFarm, model: UUID) -> str:
    [row] = await farm.rows("select digest from model where id = :id", id=model)
    return str(row.digest)


class TestFarm:
    async def test_an_idle_replica_loads_what_is_kept_warm_and_the_first_job_finds_it(
        self, farm: InProcessFarm
    ) -> None:
        farm.settings = farm.settings.model_copy(update={"keep_warm_every": timedelta(seconds=0.1)})
        farm.start_dispatcher()
        model, other = await farm.model(b'{"kept": 1}'), await farm.model(b'{"kept": 0}')
        async with farm.database.transaction() as tx:
            await set_keep_warm(tx, project_id=farm.project_id, model_id=model, keep=True)
        farm.start_replica()
        digest = await digest_of(farm, model)

        async def loaded() -> bool:
            return await residents(farm) == {digest}

        await farm.until(loaded)
        job = await farm.ended(await farm.submit(model=model, frames="1-2"))
        assert (job.cold_count, job.warm_count) == (0, 2)
        job = await farm.ended(await farm.submit(model=other, frames="1-2"))
        assert (job.state, job.cold_count) == (JobState.SUCCEEDED, 1)

    async def test_an_idle_replica_replaces_a_warm_engine_that_died(self, farm: InProcessFarm) -> None:
        farm.settings = farm.settings.model_copy(update={"keep_warm_every": timedelta(seconds=0.1)})
        model = await farm.model(b'{"kept": 1}')
        async with farm.database.transaction() as tx:
            await set_keep_warm(tx, project_id=farm.project_id, model_id=model, keep=True)
        farm.start_replica()
        await until(lambda: len(engines()) == 1)
        digest = await digest_of(farm, model)

        async def loaded() -> bool:
            return await residents(farm) == {digest}

        await farm.until(loaded)
        [first] = engines()
        first.kill()
        await until(lambda: [engine for engine in engines() if engine.pid != first.pid])
        await farm.until(loaded)

    async def test_files_of_the_next_model_come_while_the_replica_renders(
        self, farm: InProcessFarm, tmp_path: Path
    ) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        now, then = await farm.model(b'{"turn": 1}'), await farm.model(b'{"turn": 2}')
        await farm.ended(await farm.submit(model=now, frames="1"))
        long = await farm.submit(model=now, frames="1", settings={"render_ms": LONG_MS}, reuse=False)
        await farm.until(lambda: farm.rows("select 1 from work where job_id = :id and state = 'rendering'", id=long))
        await forget(tmp_path, await digest_of(farm, then))  # the probe brought them
        await farm.submit(model=then, frames="2")
        await until((tmp_path / "cache" / "models" / await digest_of(farm, then) / "scene.fake").exists)
        [state] = await farm.rows("select state from work where job_id = :id and kind = 'chunk'", id=long)
        assert state.state == "rendering"

    async def test_files_that_cannot_come_cost_the_running_frame_nothing(
        self, farm: InProcessFarm, tmp_path: Path
    ) -> None:
        farm.start_dispatcher()
        farm.start_replica()
        now, lost = await farm.model(b'{"turn": 1}'), await farm.model(b'{"turn": 2}')
        [row] = await farm.rows("select manifest #>> '{files,0,digest}' as blob from model where id = :id", id=lost)
        await farm.storage.delete(blob_key(row.blob))
        await forget(tmp_path, await digest_of(farm, lost))
        first = await farm.submit(model=now, frames="1", settings={"render_ms": 1500})
        second = await farm.submit(model=lost, frames="1", limits={"tries": 1})
        assert (await farm.ended(first)).state is JobState.SUCCEEDED
        assert (await farm.ended(second)).state is JobState.FAILED


async def forget(home: Path, digest: str) -> None:
    """Take a model's files off this node, as an eviction does."""
    folder = home / "cache" / "models" / digest
    if folder.exists():
        folder.rename(home / f"gone-{digest[:12]}")
