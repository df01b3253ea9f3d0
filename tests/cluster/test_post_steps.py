"""Steps and outputs behind the frames, end to end: from the row to files that say what they should."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from uuid import UUID

import av
import pytest
from PIL import Image

from cluster.fanout import steps
from db.steps import StepRow, add_step, list_steps
from jobs.states import JobState
from pipelines.post.upscale import Upscaled, upscale_picture
from tests.cluster.in_process import InProcessFarm

SIZE = {"width": 32, "height": 24}


async def rendered(farm: InProcessFarm, **spec: Any) -> UUID:
    job = await farm.ended(await farm.submit(frames="1-4", settings=dict(SIZE), reuse=False, **spec))
    assert job.state is JobState.SUCCEEDED, job.message
    return job.id


async def done(farm: InProcessFarm, job_id: UUID, ordinals: list[int], **request: Any) -> StepRow:
    async with farm.database.transaction() as tx:
        step = await add_step(tx, job_id=job_id, request=request, ordinals=ordinals)

    async def ended() -> StepRow | None:
        async with farm.database.transaction() as tx:
            [row] = await list_steps(tx, job_id=job_id, step_id=step.id)
        return row if row.state in ("done", "failed") else None

    row: StepRow = await farm.until(ended)
    return row


async def fetched(farm: InProcessFarm, job_id: UUID, name: str, folder: Path) -> Path:
    [row] = await farm.rows(
        "select storage_key from artifact where job_id = :id and name = :name", id=job_id, name=name
    )
    target = folder / name
    await farm.storage.fetch(row.storage_key, target)
    return target


async def test_frames_are_enlarged_and_the_verdict_stays(farm: InProcessFarm, tmp_path: Path) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await rendered(farm)
    step = await done(farm, job_id, [0, 2], step="upscale", factor=2, method="lanczos")
    assert step.error is None
    assert step.result is not None
    assert (step.result["method"], step.result["frames"]) == ("lanczos", 2)
    for name in step.result["files"]:
        assert name.startswith(f"step{step.id}_")
        assert Image.open(await fetched(farm, job_id, name, tmp_path)).size == (64, 48)
    rows = await farm.rows("select ordinal, kind from artifact where name like 'step%' order by ordinal")
    assert [(row.ordinal, row.kind) for row in rows] == [(0, "extra"), (2, "extra")]
    assert (await farm.job(job_id)).state is JobState.SUCCEEDED


async def test_a_result_speaks_for_all_frames_and_counts_what_differs_between_them(
    farm: InProcessFarm, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_a_note_on_the_first(source: Path, target: Path, **wish: Any) -> Upscaled:
        enlarged = upscale_picture(source, target, **wish)
        return dataclasses.replace(enlarged, note="no network") if source.stem.endswith("0") else enlarged

    monkeypatch.setattr(steps, "upscale_picture", with_a_note_on_the_first)
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await rendered(farm)
    step = await done(farm, job_id, [0, 1, 3], step="upscale", factor=2, method="lanczos")
    assert step.result is not None, step.error
    assert (step.result["frames"], step.result["method"]) == (3, "lanczos")
    assert "note" not in step.result
    assert step.result["differing"] == {"note": [{"value": "no network", "frames": 1}, {"value": None, "frames": 2}]}


def test_frames_of_which_nothing_is_said_count_too() -> None:
    assert steps.together([{}, {"guides": ["albedo"]}, {"guides": ["albedo"]}]) == {
        "differing": {"guides": [{"value": None, "frames": 1}, {"value": ["albedo"], "frames": 2}]}
    }
    assert steps.together([{"linear": True}, {"linear": True}]) == {"linear": True}
    assert steps.together([]) == {}


async def test_a_frame_is_compared_with_itself_and_with_another(farm: InProcessFarm, tmp_path: Path) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await rendered(farm)
    step = await done(farm, job_id, [0, 1], step="compare", with_frame=1)
    assert step.result is not None, step.error
    same, other = step.result["compared"]
    assert (same["frame"], same["psnr_db"], same["flip"]) == (1, None, 0.0)
    assert other["frame"] == 2
    assert other["flip"] > 0
    assert other["ssim"] < same["ssim"]
    assert Image.open(await fetched(farm, job_id, step.result["files"][1], tmp_path)).size == (32, 24)


async def test_tone_map_contact_sheet_and_film_of_one_job(farm: InProcessFarm, tmp_path: Path) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id = await rendered(farm)
    mapped = await done(farm, job_id, [3], step="tonemap", exposure=1.0, curve="filmic")
    assert mapped.result is not None, mapped.error
    assert mapped.result["frames"] == 1
    sheet = await done(farm, job_id, [0, 1, 2, 3], step="contact_sheet", cell_width=32, columns=4, labels=False)
    assert sheet.result is not None, sheet.error
    assert (sheet.result["frames"], sheet.result["left_out"]) == (4, 0)
    assert Image.open(await fetched(farm, job_id, sheet.result["files"][0], tmp_path)).width == 4 * 36 + 4
    film = await done(farm, job_id, [0, 1, 2, 3], step="video", codec="prores", fps=8)
    assert film.result is not None, film.error
    with av.open(str(await fetched(farm, job_id, film.result["files"][0], tmp_path))) as container:
        assert container.streams.video[0].codec_context.name == "prores"
        assert sum(1 for _ in container.decode(video=0)) == 4


async def test_what_cannot_be_made_fails_the_step_in_words_and_nothing_else(farm: InProcessFarm) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    job_id, larger = await rendered(farm), await farm.ended(await farm.submit(frames="1", settings={"width": 40}))
    step = await done(farm, job_id, [0], step="compare", with_job=str(larger.id))
    assert step.error is not None
    assert "Compare frames of one resolution" in step.error
    assert "Frame 1 is 32x24 pixels, its reference 40x" in step.error
    assert (await farm.job(job_id)).state is JobState.SUCCEEDED


@pytest.mark.parametrize("codec", ["h264", "hevc"])
async def test_a_job_makes_its_film_in_the_codec_and_its_contact_sheet(
    farm: InProcessFarm, tmp_path: Path, codec: str
) -> None:
    farm.start_dispatcher()
    farm.start_replica()
    outputs = {"video": {"codec": codec, "preview": "none"}, "contact_sheet": {"cell_width": 64}}
    job_id = await rendered(farm, name="shot", outputs=outputs)
    with av.open(str(await fetched(farm, job_id, "shot.mp4", tmp_path))) as container:
        assert container.streams.video[0].codec_context.name == codec
    assert Image.open(await fetched(farm, job_id, "shot.contact_sheet.png", tmp_path)).width == 2 * 68 + 4
