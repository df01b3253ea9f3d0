"""Settings that a scene could beat, leave without effect, or hand on to the next job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from jobs.states import EndReason
from pipelines.base import FrameRequest
from pipelines.errors import EngineError
from tests.pipelines.conftest import StartEngine, blend

Frame = Callable[..., FrameRequest]


def pixels(path: Path) -> bytes:
    with Image.open(path) as image:
        return image.tobytes()


async def test_the_scenes_own_region_is_what_it_was_after_a_job_with_another(
    start_engine: StartEngine, scenes: Path, frame: Frame
) -> None:
    host = await start_engine("cycles", blend(scenes, "region"))
    own = pixels((await host.render(frame(3))).main)
    for wish in ({"xmin": 0, "xmax": 0.3, "ymin": 0, "ymax": 0.3}, {"xmin": 0.95, "xmax": 1, "ymin": 0, "ymax": 0.1}):
        assert pixels((await host.render(frame(3, border=wish))).main) != own
        assert pixels((await host.render(frame(3))).main) == own


async def test_the_jobs_samples_win_over_those_of_a_view_layer(
    start_engine: StartEngine, scenes: Path, frame: Frame
) -> None:
    host = await start_engine("cycles", blend(scenes, "layer_samples"))
    own = pixels((await host.render(frame(3))).main)
    asked = pixels((await host.render(frame(3, samples=1))).main)
    assert asked != own
    assert pixels((await host.render(frame(3))).main) == own
    await host.load(blend(scenes, "plain"))
    assert pixels((await host.render(frame(3, samples=1))).main) == asked
    assert pixels((await host.render(frame(3, samples=9))).main) == own


@pytest.mark.parametrize(
    ("wish", "switch"),
    [
        ({"shutter": 2.0}, "motion_blur"),
        ({"adaptive_threshold": 0.5}, "adaptive_sampling"),
        ({"adaptive_min_samples": 2}, "adaptive_sampling"),
        ({"denoiser": "openimagedenoise"}, "denoise"),
    ],
)
async def test_a_wish_about_what_the_scene_has_off_is_refused(
    start_engine: StartEngine, scenes: Path, frame: Frame, wish: dict[str, Any], switch: str
) -> None:
    host = await start_engine("cycles", blend(scenes, "all_off"))
    with pytest.raises(EngineError, match=f"{next(iter(wish))} is for .*, which the scene has off") as refusal:
        await host.render(frame(1, **wish))
    assert refusal.value.reason is EndReason.MODEL_INVALID
    assert f"{switch} to true" in str(refusal.value.remedy)
    assert (await host.render(frame(1, **wish, **{switch: True}))).main.is_file()


async def test_a_scene_that_crops_says_so_as_no_setting_tells_the_size_of_its_pictures(
    start_engine: StartEngine, scenes: Path, frame: Frame
) -> None:
    host = await start_engine("cycles")
    assert not (await host.load(blend(scenes, "region"))).crops
    assert (await host.load(blend(scenes, "cropped"))).crops
    output = await host.render(frame(1, resolution_x=40, resolution_y=20, percentage=100))
    with Image.open(output.main) as image:
        assert image.size == (12, 6)


async def test_frames_rendered_as_they_stand_leave_no_trace_in_a_pre_roll(
    start_engine: StartEngine, scenes: Path, frame: Frame
) -> None:
    host = await start_engine("cycles", blend(scenes, "cloth"), threads=1)
    for number in (6, 7, 8, 1, 2):
        await host.render(frame(number, simulations="as_is"))
    played = pixels((await host.render(frame(9, simulations="pre_roll"))).main)
    await host.load(blend(scenes, "cloth"))
    assert pixels((await host.render(frame(9, simulations="pre_roll"))).main) == played
