"""Scenes with strips in the video sequencer: who makes the picture, and which settings count then."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from jobs.errors import InvalidInput
from pipelines.base import FrameRequest
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.cycles.settings import CyclesSettings
from tests.pipelines.conftest import StartEngine, blend

Frame = Callable[..., FrameRequest]


def pixels(path: Path) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(path).convert("RGB")).astype(int)


async def test_strips_make_the_picture_and_muted_ones_leave_it_to_the_camera(
    start_engine: StartEngine, scenes: Path, frame: Frame
) -> None:
    shown = {}
    for name in ("sequence", "sequence_muted", "sequence_channel_muted", "plain"):
        host = await start_engine("cycles", blend(scenes, name), threads=1)
        shown[name] = pixels((await host.render(frame(3))).main)
    assert shown["sequence"].std(axis=(0, 1)).max() < 1  # dithered
    assert shown["sequence"][0, 0].argmax() == 0
    for name in ("sequence_muted", "sequence_channel_muted"):
        assert np.array_equal(shown[name], shown["plain"])


@pytest.mark.parametrize(
    ("wish", "named"),
    [
        ({"samples": 8, "camera": "Camera"}, "camera, samples"),
        ({"denoise": False}, "denoise"),
        ({"view_layers": ["ViewLayer"]}, "view_layers"),
        ({"resolution_x": 64, "format": "exr", "device": "cpu"}, None),
    ],
)
def test_a_setting_of_the_camera_is_refused_by_name_where_strips_make_the_picture(
    wish: dict[str, Any], named: str | None
) -> None:
    settings = CyclesSettings.model_validate(wish)
    facts = {"resolution": [64, 36, 100], "details": {"split_blockers": ["adaptive_sampling", "sequencer"]}}
    CyclesPipeline().check_scene(settings, {**facts, "details": {"split_blockers": ["adaptive_sampling"]}})
    if named is None:
        CyclesPipeline().check_scene(settings, facts)
        return
    with pytest.raises(InvalidInput, match=f"so {named} would have no effect") as refusal:
        CyclesPipeline().check_scene(settings, facts)
    assert refusal.value.remedy
