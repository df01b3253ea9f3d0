"""Progress inside a frame, from the engine's process to the stream of the API: real engines, database and API."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from uuid import UUID, uuid4

import httpx
import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import text

from cluster.frame_progress import ChunkProgress, ProgressTeller
from cluster.live_previews import LivePreviews
from db.keys import create_key
from db.queue import tell_progress
from db.session import Database
from jobs.access import FarmRole
from jobs.states import JobState
from models.kinds import ModelKind
from pipelines.base import Tally
from pipelines.live_preview import FILE_NAME
from serve_app.app import build_app
from serve_app.events.hub import EventHub
from serve_app.settings import ApiSettings
from storage.open import open_storage
from storage.settings import StorageSettings
from tests.cluster.in_process import WAIT_S, InProcessFarm

CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"
EVERY = timedelta(seconds=0.05)


def _storage_settings(home: Path) -> StorageSettings:
    """Those of ``in_process_farm``."""
    return StorageSettings(
        url=(home / "storage").as_uri(), signing_key=SecretStr("a-signing-key-of-a-test-only-0123456789")
    )


@asynccontextmanager
async def api_of(farm: InProcessFarm, home: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The API of this farm, in this process."""
    app = build_app(
        ApiSettings(heartbeat=timedelta(seconds=0.5), progress_every=EVERY),
        database_settings=farm.database_settings,
        storage_settings=_storage_settings(home),
    )
    async with farm.database.transaction() as tx:
        key = (await create_key(tx, project_id=None, name="test", role=FarmRole.ADMIN)).key
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(
            transport=httpx.ASGITransport(app),
            base_url="http://farm.test",
            headers={"Authorization": f"Bearer {key}"},
            timeout=300,
        ) as http,
    ):
        yield http


@pytest.fixture
def quick(farm: InProcessFarm, patience: None) -> InProcessFarm:
    """Tells often. The lease is long: an engine that takes all cores may keep the beat waiting."""
    farm.settings = farm.settings.model_copy(update={"progress_every": EVERY})
    farm.limits = farm.limits.model_copy(update={"lease": timedelta(minutes=2)})
    return farm


async def _execute(farm: InProcessFarm, command: str) -> None:
    async with farm.database.transaction() as tx:
        await tx.execute(text(command))


async def told_of(http: httpx.AsyncClient, job_id: UUID) -> list[dict[str, Any]]:
    """All that the stream says until the job ends: its progress with the events around it."""
    answer = await http.get(f"/v1/jobs/{job_id}/events")
    assert answer.status_code == 200, answer.text
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    return [json.loads(line) for line in lines]


async def stream_of(farm: InProcessFarm, home: Path, job_id: UUID) -> list[dict[str, Any]]:
    """Of a job that a replica takes up once somebody listens: a busy machine builds an API for longer than a frame."""
    async with api_of(farm, home) as http:
        told = asyncio.create_task(told_of(http, job_id))
        farm.start_replica()
        job = await farm.ended(job_id)
        assert job.state is JobState.SUCCEEDED, job
        async with asyncio.timeout(WAIT_S):
            return await told


def progress_of(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one["data"] for one in told if one["kind"] == "frame.progress"]


async def test_steps_of_a_frame_reach_the_stream_with_an_estimate_and_end_with_the_frame(
    quick: InProcessFarm, tmp_path: Path
) -> None:
    quick.start_dispatcher()
    model = await quick.model()
    job_id = await quick.submit(model=model, frames="7-8", order="sequential", settings={"render_ms": 3000})
    told = await stream_of(quick, tmp_path, job_id)
    for frame in (7, 8):
        [seen] = [[one for one in progress_of(told) if one["frame"] == frame]]
        fractions = [one["fraction"] for one in seen]
        assert fractions == sorted(set(fractions))
        assert len(fractions) >= 3
        assert all((one["total"], one["unit"]) == (10, "steps") for one in seen)
        assert [one["done"] / 10 for one in seen] == fractions
        assert all(one["eta_seconds"] > 0 for one in seen if one["fraction"] >= 0.01)
    kinds = [one["kind"] for one in told]
    ended = [at for at, kind in enumerate(kinds) if kind == "frames.committed"]
    late = [one["data"]["frame"] for one in told[ended[-1] :] if one["kind"] == "frame.progress"]
    assert late == []
    assert "frame.progress" not in {row.kind for row in await quick.rows("select distinct kind from event")}


async def test_a_running_frame_is_shown_in_the_list_of_frames(quick: InProcessFarm, tmp_path: Path) -> None:
    quick.start_dispatcher()
    model = await quick.model()
    quick.start_replica()
    job_id = await quick.submit(model=model, frames="1", settings={"render_ms": 600_000})
    async with api_of(quick, tmp_path) as http:

        async def progress() -> Any:
            return (await http.get(f"/v1/jobs/{job_id}/frames/1")).json()["progress"]

        shown = await quick.until(progress)
        assert (shown["total"], shown["unit"], shown["preview"]) == (10, "steps", None)
        assert shown["fraction"] == shown["done"] / 10
        assert shown["detail"] == f"step {shown['done']} of 10"
    await quick.cancel(job_id)
    await quick.ended(job_id)


async def test_cycles_tells_the_samples_of_its_frame(quick: InProcessFarm, tmp_path: Path, scenes: Path) -> None:
    quick.start_dispatcher()
    model = await quick.model((scenes / "plain.blend").read_bytes(), ModelKind.BLENDER, "scene.blend")
    settings = {"samples": 64, "resolution_x": 160, "resolution_y": 90, "denoise": False, "adaptive_sampling": False}
    job_id = await quick.submit(model=model, pipeline="cycles", frames="1-2", order="sequential", settings=settings)
    seen = progress_of(await stream_of(quick, tmp_path, job_id))
    counted = [one for one in seen if one["total"] is not None]
    assert counted
    assert {(one["total"], one["unit"]) for one in counted} == {(64, "samples")}
    assert all(0 <= one["fraction"] < 1 for one in seen)


async def test_what_a_fenced_out_worker_tells_is_dropped(
    quick: InProcessFarm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It renders on, and neither the streams nor the list of frames hear of it."""
    taken: list[float] = []
    dropped: list[float] = []

    async def noted(*arguments: Any, told: dict[str, Any], **named: Any) -> bool:
        done = await tell_progress(*arguments, told=told, **named)
        (taken if done else dropped).append(told["fraction"])
        return done

    monkeypatch.setattr("cluster.frame_progress.tell_progress", noted)
    quick.limits = quick.limits.model_copy(update={"beat": timedelta(hours=1), "lease": timedelta(hours=2)})
    quick.start_dispatcher()
    model = await quick.model()
    quick.start_replica()
    job_id = await quick.submit(model=model, frames="1", settings={"render_ms": 5000})

    async def first_taken() -> bool:
        return bool(taken)

    async def second_dropped() -> bool:
        return len(dropped) >= 2

    async with EventHub(database_settings=quick.database_settings) as hub, api_of(quick, tmp_path) as http:
        with hub.subscribe(job_id) as stream:
            await quick.until(first_taken)
            # As the rescuer does, and nobody tells the worker.
            await _execute(quick, "update work set fence = fence + 1 where kind = 'chunk'")
            before = await quick.rows("select current from replica")
            await quick.until(second_dropped)
            assert (await http.get(f"/v1/jobs/{job_id}/frames/1")).json()["progress"] is None
            assert await quick.rows("select current from replica") == before
            assert min(dropped) > max(taken)
            assert {word["fraction"] for word in stream.take_words()} <= set(taken)


async def test_many_reports_in_a_row_are_one_word(monkeypatch: pytest.MonkeyPatch) -> None:
    words: list[tuple[int, float]] = []

    async def noted(*_: Any, told: dict[str, Any], **named: Any) -> bool:
        words.append((told["frame"], told["fraction"]))
        return True

    monkeypatch.setattr("cluster.frame_progress.tell_progress", noted)
    every = timedelta(milliseconds=20)
    progress, first = ChunkProgress(uuid4(), 1, 1), uuid4()
    teller = ProgressTeller(database=cast(Database, None), replica_id=uuid4(), every=every)
    task = asyncio.create_task(teller.run(lambda: progress, dict))
    progress.begin(0, 1, first, Path())
    for step in range(1000):
        if progress.take(step / 1000, f"step {step}", Tally(step, 1000, "steps")):
            teller.note()
    await asyncio.sleep(10 * every.total_seconds())
    assert words == [(1, 0.999)]
    if progress.take(0.999, "step 999", Tally(999, 1000, "steps")):  # the same again is no news
        teller.note()
    await asyncio.sleep(10 * every.total_seconds())
    assert len(words) == 1
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_an_estimate_is_made_of_the_pace_so_far_and_not_of_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("cluster.frame_progress.time.monotonic", lambda: now)
    progress, first = ChunkProgress(uuid4(), 1, 1), uuid4()
    progress.begin(0, 1, first, Path())
    now = 110.0
    progress.take(0.0, "", None)
    assert progress.as_json()["eta_seconds"] is None
    progress.take(0.25, "x" * 1000, Tally(16, 64, "samples"))
    assert progress.as_json()["eta_seconds"] == 30.0
    assert len(progress.as_json()["detail"]) == 200
    progress.begin(0, 1, first, Path())  # the same frame goes on
    assert progress.fraction == 0.25
    progress.begin(1, 2, uuid4(), Path())
    assert (progress.fraction, progress.tally, progress.age_s) == (0.0, None, 0.0)


async def test_a_frame_of_mitsuba_tells_its_samples_and_is_shown_and_then_its_result_is(
    quick: InProcessFarm, tmp_path: Path
) -> None:
    """Of Mitsuba, through storage and a signed link of the API."""
    quick.settings = quick.settings.model_copy(update={"live_preview_every": EVERY})
    quick.start_dispatcher()
    model = await quick.model(CORNELL.read_bytes(), ModelKind.MITSUBA, "cornell.xml")
    # 768 × 512 pixels: ten samples of each are a pass, and 32 are four of eight. Most of them are left when the first
    # picture is looked at.
    settings = {"width": 768, "height": 512, "spp": 32}
    job_id = await quick.submit(model=model, pipeline="mitsuba", frames="1", settings=settings)
    async with api_of(quick, tmp_path) as http:
        path = f"/v1/jobs/{job_id}/frames/1"
        told = asyncio.create_task(told_of(http, job_id))
        replica = quick.start_replica()

        async def picture() -> bytes | None:
            answer = await http.get(f"{path}/preview", follow_redirects=True)
            return answer.content if answer.status_code == 200 else None

        content = await quick.until(picture)
        with Image.open(BytesIO(content)) as image:
            assert (image.format, image.size) == ("JPEG", (320, 213))
        assert (await http.get(path)).json()["progress"]["preview"] >= 1
        job = await quick.ended(job_id)
        assert job.state is JobState.SUCCEEDED
        seen = progress_of(await told)
        assert {(one["total"], one["unit"]) for one in seen} == {(32, "samples")}
        assert {one["done"] for one in seen} >= {8, 16, 24}
        assert all(one["fraction"] == pytest.approx(one["done"] / 32, abs=1e-3) for one in seen)
        done = await http.get(f"{path}/preview", follow_redirects=True)
        assert (done.status_code, done.headers["content-type"].partition("/")[0]) == (200, "image")
        assert done.content != content  # of the result now, and no picture of its making

        async def left() -> list[str]:
            found = await quick.storage.list_objects(f"artifacts/{job_id}/", limit=100)
            return [item.key for item in found if "live-preview" in item.key]

        async def none_left() -> bool:
            return await left() == []

        await quick.until(none_left)
    await quick.kill(replica)


async def test_the_last_picture_goes_with_the_worker_that_is_stopped(tmp_path: Path) -> None:
    storage = open_storage(_storage_settings(tmp_path))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    (scratch / FILE_NAME).write_bytes(b"\xff\xd8\xff a picture")
    job_id, shown = uuid4(), asyncio.Event()
    progress = ChunkProgress(job_id, 1, 1)
    progress.begin(0, 1, uuid4(), scratch)
    previews = LivePreviews(storage=storage, every=timedelta(milliseconds=10))
    task = asyncio.create_task(previews.run(lambda: progress, shown.set))
    async with asyncio.timeout(20):
        await shown.wait()
    assert progress.preview is not None
    assert await storage.stat(progress.preview.key) is not None
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert await storage.list_objects(f"artifacts/{job_id}/", limit=10) == []
    await storage.close()
