"""A step from the command or ``POST /v1/jobs/{id}/steps`` to the file in a folder: API, queue, task and storage."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyoidn  # noqa: F401 - brings torch, seconds in which the farm of this process would stand still
import pytest
from PIL import Image

from db.keys import create_key
from db.settings import DatabaseSettings
from jobs.access import ProjectRole
from jobs.states import JobState
from models.kinds import ModelKind
from pipelines.post.exr import read_exr
from rayfarm import Client, StepFailed
from rayfarm.cli import main
from tests.cluster.in_process import InProcessFarm
from tests.cluster.rest import rest

CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"
NOISY = {"variant": "scalar_rgb", "width": 48, "height": 48, "seed": 1, "format": "exr", "aovs": ["albedo", "normal"]}
SIZE = {"width": 32, "height": 24}
WAIT_S = 240.0
"""A denoiser that starts on a busy machine takes its time."""
CLEANER = 0.75
"""Part of the noise's error that is left at the most; 0.61 was seen."""
RED_LUT = "LUT_3D_SIZE 2\n" + "1 0 0\n" * 8
"""Whatever goes in, red comes out."""


@pytest.fixture
async def api(farm: InProcessFarm, settings: DatabaseSettings, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """The real API over the farm's database and storage, behind uvicorn, with a key of the farm's project."""
    async with farm.database.transaction() as tx:
        made = await create_key(tx, project_id=farm.project_id, name="artist", role=ProjectRole.ARTIST)
    async with (
        rest(settings, tmp_path) as url,
        httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {made.key}"}, timeout=WAIT_S) as client,
    ):
        yield client


async def rendered(farm: InProcessFarm) -> str:
    farm.start_dispatcher()
    farm.start_replica()
    job = await farm.ended(await farm.submit(frames="1-2", settings=dict(SIZE), reuse=False))
    assert job.state is JobState.SUCCEEDED, job.message
    return str(job.id)


async def done(api: httpx.AsyncClient, job_id: str, **step: Any) -> Any:
    """Ask for a step, and its answer once it has ended."""
    answer = await api.post(f"/v1/jobs/{job_id}/steps", json=step)
    assert answer.status_code == 202, answer.text
    async with asyncio.timeout(WAIT_S):
        while True:
            found = (await api.get(f"/v1/jobs/{job_id}/steps/{answer.json()['id']}")).json()
            if found["state"] in ("done", "failed"):
                return found
            await asyncio.sleep(0.05)


async def fetched(api: httpx.AsyncClient, job_id: str, names: list[str], folder: Path) -> list[Path]:
    """The named artifacts, by the links that the API gives."""
    listed = {item["name"]: item for item in (await api.get(f"/v1/jobs/{job_id}/artifacts")).json()["items"]}
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes((await api.get(listed[name]["url"])).raise_for_status().content)
    return [folder / name for name in names]


def connection(api: httpx.AsyncClient) -> tuple[str, str]:
    return str(api.base_url).rstrip("/"), api.headers["Authorization"].removeprefix("Bearer ")


def options(api: httpx.AsyncClient) -> list[str]:
    url, key = connection(api)
    return ["--url", url, "--api-key", key]


def error_of(picture: Path, reference: Path) -> float:
    """Root mean square of the difference in linear light, each pixel's own brightness taken out."""
    shown, wanted = read_exr(picture).colour(), read_exr(reference).colour()
    return float(np.sqrt(np.mean(((shown - wanted) / (wanted + 0.05)) ** 2)))


async def test_denoised_frames_come_close_to_the_picture_of_many_samples(
    farm: InProcessFarm, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    model = await farm.model(CORNELL.read_bytes(), ModelKind.MITSUBA, "cornell.xml")
    noisy, clean = [
        await farm.ended(await farm.submit(model=model, pipeline="mitsuba", frames="1", settings={**NOISY, "spp": spp}))
        for spp in (2, 64)
    ]
    step = await done(api, str(noisy.id), step="denoise", quality="balanced")
    assert step["state"] == "done", step["error"]
    result = step["result"]
    assert (result["frames"], result["guides"], result["linear"]) == (1, ["albedo", "normal"], True)
    assert result["files"] == [f"step{step['id']}_frame_0001.denoised.exr"]
    [reference] = await fetched(api, str(clean.id), ["frame_0001.exr"], tmp_path / "clean")
    before, after = await fetched(api, str(noisy.id), ["frame_0001.exr", *result["files"]], tmp_path / "noisy")
    assert error_of(after, reference) < CLEANER * error_of(before, reference)
    assert (await api.get(f"/v1/jobs/{noisy.id}")).json()["state"] == "succeeded"


async def test_an_enlarged_frame_shows_what_the_frame_shows(
    farm: InProcessFarm, api: httpx.AsyncClient, tmp_path: Path
) -> None:
    job_id = await rendered(farm)
    step = await done(api, job_id, step="upscale", factor=2, frames="2", method="lanczos")
    assert step["state"] == "done", step["error"]
    assert step["result"]["method"] == "lanczos"
    names = ["frame_0002.png", *step["result"]["files"]]
    small, large = [Image.open(path) for path in await fetched(api, job_id, names, tmp_path)]
    assert large.size == (64, 48)
    back = np.asarray(large.convert("RGB").resize(small.size, Image.Resampling.BOX), dtype=np.float64)
    assert np.abs(back - np.asarray(small.convert("RGB"), dtype=np.float64)).mean() < 12


async def test_the_command_waits_for_a_step_lists_it_and_brings_its_files_home(
    farm: InProcessFarm, api: httpx.AsyncClient, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job_id = await rendered(farm)
    (tmp_path / "red.cube").write_text(RED_LUT)
    words = ["step", job_id, "tonemap", "--frames", "1", "--lut", str(tmp_path / "red.cube")]
    assert await asyncio.to_thread(main, [*words, "--out", str(tmp_path / "out"), *options(api)]) == 0
    [made] = (tmp_path / "out").iterdir()
    assert made.name.endswith("_frame_0001.tonemapped.png")
    assert Image.open(made).convert("RGB").getextrema() == ((255, 255), (0, 0), (0, 0))

    capsys.readouterr()
    assert await asyncio.to_thread(main, ["step", job_id, "compare", "--set", "with_frame=1", *options(api)]) == 0
    said = capsys.readouterr().out
    assert "1\tequal\t1.0000\t0.0000" in said
    assert "2 files; fetch them with --out" in said

    assert await asyncio.to_thread(main, ["steps", job_id, *options(api)]) == 0
    rows = [line.split("\t")[1:4] for line in capsys.readouterr().out.splitlines()]
    assert rows == [["makes", "state", "frames"], ["compare", "done", "all"], ["tonemap", "done", "1"]]

    number = made.name.removeprefix("step").partition("_")[0]
    again = ["steps", job_id, number, "--out", str(tmp_path / "out"), "--json", *options(api)]
    assert await asyncio.to_thread(main, again) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == {"file": str(made), "status": "same"}


async def test_the_sdk_says_why_a_step_made_nothing(farm: InProcessFarm, api: httpx.AsyncClient) -> None:
    job_id = await rendered(farm)
    larger = await farm.ended(await farm.submit(frames="1-2", settings={"width": 40}))

    def ask() -> None:
        with Client(*connection(api)) as client:
            asked = client.add_step(job_id, "compare", with_job=str(larger.id))
            with pytest.raises(StepFailed, match="Compare frames of one resolution"):
                client.wait_step(job_id, asked, timeout=timedelta(seconds=WAIT_S))

    await asyncio.to_thread(ask)
