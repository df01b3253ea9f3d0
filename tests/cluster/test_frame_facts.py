"""How long a replica keeps an engine, and what each frame says of where it was rendered."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from jobs.states import EndReason, JobState
from models.kinds import ModelKind
from tests.cluster.in_process import InProcessFarm
from tests.pipelines.conftest import diffusion_models
from tests.pipelines.diffusion_stage import SETUP_TIMEOUT_S
from tests.pipelines.splat_files import make_cloud, ply_bytes

__all__ = ["diffusion_models"]

CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"


async def test_an_engine_is_replaced_after_its_frames_in_the_middle_of_a_chunk(farm: InProcessFarm) -> None:
    farm.engine_settings = farm.engine_settings.model_copy(update={"recycle_frames": 4})
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-10"))
    assert (job.state, job.committed, job.failed) == (JobState.SUCCEEDED, 10, 0)
    assert (job.cold_count, job.warm_count) == (3, 7)


async def test_a_frame_says_how_long_each_step_took_and_where_it_was_rendered(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await farm.submit(frames="1-3", order="sequential", settings={"render_ms": 30})
    await farm.ended(job_id)
    rows = await farm.rows("select timings, metrics from attempt where job_id = :id order by ordinal", id=job_id)
    for row in rows:
        assert {"queue", "load", "render", "finish", "upload"} <= row.timings.keys()
        assert all(value >= 0 for value in row.timings.values())
        assert row.timings["render"] >= 30
        assert row.metrics["sandbox"] in ("full", "partial", "none")
        assert row.metrics["peak_rss_bytes"] > 10_000_000
        assert (row.metrics["device"], row.metrics["engine_version"]) == ("CPU", "fake 1")
    assert [row.timings["load"] > 0 for row in rows] == [True, False, False]


TIMES = ("queue", "load", "render", "finish", "upload")
FACTS = ("device", "engine_version", "peak_rss_bytes", "sandbox", "warm", "warnings")


async def facts_of(farm: InProcessFarm, *, model: UUID, **spec: Any) -> None:
    """Two frames of a job, the first of them cold: each has every figure, and the second needs no load."""
    farm.start_replica()
    job_id = await farm.submit(model=model, frames="1-2", order="sequential", **spec)
    job = await farm.ended(job_id)
    assert job.state is JobState.SUCCEEDED, job
    rows = await farm.rows("select timings, metrics from attempt where job_id = :id order by ordinal", id=job_id)
    for row in rows:
        assert set(TIMES) <= row.timings.keys()
        assert all(isinstance(value, int | float) and value >= 0 for value in row.timings.values()), row.timings
        assert row.timings["render"] > 0
        assert set(FACTS) <= row.metrics.keys()
        assert row.metrics["engine_version"] == job.engine_version
        assert row.metrics["device"] == "CPU" or row.metrics["device"].startswith("CUDA")
        assert row.metrics["peak_rss_bytes"] > 10_000_000
        assert row.metrics.get("peak_vram_bytes", 0) >= 0  # where there is a card to ask
    assert [row.metrics["warm"] for row in rows] == [False, True]
    assert rows[0].timings["load"] > rows[1].timings["load"]


@pytest.mark.usefixtures("patience")
async def test_every_figure_of_a_frame_of_cycles(farm: InProcessFarm, scenes: Path) -> None:
    farm.start_dispatcher()
    model = await farm.model((scenes / "plain.blend").read_bytes(), ModelKind.BLENDER, "scene.blend")
    await facts_of(farm, model=model, pipeline="cycles", settings={"samples": 2})


@pytest.mark.usefixtures("patience")
async def test_every_figure_of_a_frame_of_mitsuba(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    model = await farm.model(CORNELL.read_bytes(), ModelKind.MITSUBA, "cornell.xml")
    settings = {"variant": "scalar_rgb", "width": 24, "height": 16, "spp": 2}
    await facts_of(farm, model=model, pipeline="mitsuba", settings=settings)


@pytest.mark.usefixtures("patience")
@pytest.mark.slow
async def test_every_figure_of_a_frame_of_splats(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    model = await farm.model(ply_bytes(make_cloud()), ModelKind.SPLATS, "cloud.ply")
    settings = {"width": 24, "height": 16}
    await facts_of(farm, model=model, pipeline="splats", settings=settings)


@pytest.mark.usefixtures("patience")
@pytest.mark.timeout(SETUP_TIMEOUT_S)
@pytest.mark.slow
async def test_every_figure_of_a_frame_of_diffusion(farm: InProcessFarm, diffusion_models: Path) -> None:
    farm.start_dispatcher()
    model = await farm.folder_model(diffusion_models / "sd", ModelKind.DIFFUSION, "model_index.json")
    settings = {"prompt": "a red fox", "steps": 2, "device": "cpu"}
    await facts_of(farm, model=model, pipeline="diffusion", settings=settings)


async def test_the_workers_row_says_what_guards_its_engines(farm: InProcessFarm) -> None:
    farm.engine_settings = farm.engine_settings.model_copy(update={"confine_files": False})
    farm.start_dispatcher()
    farm.start_replica()
    await farm.ended(await farm.submit(frames="1"))
    [row] = await farm.until(lambda: farm.rows("select current from replica where current ? 'sandbox'"))
    assert row.current["sandbox"]["level"] != "full"
    assert "files confined" in row.current["sandbox"]["missing"]


async def test_a_frame_that_takes_too_much_memory_ends_with_the_figure_and_the_remedy(farm: InProcessFarm) -> None:
    farm.engine_settings = farm.engine_settings.model_copy(update={"memory_bytes": 150_000_000})
    farm.limits = farm.limits.model_copy(update={"resource_failures_per_frame": 1})
    farm.start_dispatcher()
    farm.start_replica()
    heavy = await farm.model(b'{"resident_bytes": 300000000, "load_ms": 10}', ModelKind.FAKE)
    job_id = await farm.submit(model=heavy, frames="1", limits={"tries": 1}, settings={"render_ms": 1000})
    job = await farm.ended(job_id)
    assert (job.state, job.end_reason) == (JobState.FAILED, EndReason.OUT_OF_MEMORY)
    tries: list[Any] = await farm.rows("select message from attempt where job_id = :id", id=job_id)
    assert all("it may hold 143 MiB" in row.message for row in tries)
    assert all("RAYFARM_ENGINE_MEMORY_BYTES" in row.message for row in tries)
