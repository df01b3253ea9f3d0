"""One replica hosts the engines of all four pipelines: each in its turn, at once, and with the pictures of its own."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Mapping
from pathlib import Path
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image

from cluster.engines import EngineRoom
from cluster.settings import ClusterSettings
from models.kinds import ModelKind
from pipelines.mitsuba.picture import read_exr
from tests.cluster.engine_rooms import Case, Watch, engines, render, render_alone, storage_in
from tests.pipelines.diffusion_stage import SETUP_TIMEOUT_S, SLOW_MACHINE, build_models

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ROOM = 3
"""Engines at once: one of the four must leave whenever the fourth comes."""
TURNS = ("cycles", "mitsuba", "splats", "diffusion", "splats", "mitsuba", "diffusion", "cycles", "mitsuba")
WARM = (False, False, False, False, True, True, True, False, True)
"""Of each turn: diffusion comes fourth and cycles, used longest ago, leaves for it; then splats for cycles."""
MITSUBA_RELATIVE = 1e-5
"""Mitsuba's sums depend on the order of its threads: 1e-6 between two renders of one seed."""


def cases(tmp_path: Path) -> dict[str, Case]:
    blend, cornell = tmp_path / "blend", tmp_path / "cornell"
    for folder, name in ((blend, "sample.blend"), (cornell, "cornell.xml")):
        folder.mkdir()
        (folder / name).write_bytes((EXAMPLES / name).read_bytes())
    weights = build_models(tmp_path / "diffusion", "sd") / "sd"
    tiny = {"samples": 1, "resolution_x": 32, "resolution_y": 18, "percentage": 100, "denoise": False}
    exr = {"variant": "scalar_rgb", "width": 16, "height": 12, "spp": 2, "format": "exr", "seed": 3}
    text = {"prompt": "a red fox", "steps": 2, "seed": 5, "device": "cpu"}
    return {
        "cycles": Case.folder(ModelKind.BLENDER, blend, "sample.blend", **tiny),
        "mitsuba": Case.folder(ModelKind.MITSUBA, cornell, "cornell.xml", **exr),
        "splats": Case.splats(seed=1),
        "diffusion": Case.folder(ModelKind.DIFFUSION, weights, "model_index.json", **text),
    }


def frames_of(turns: tuple[str, ...]) -> list[tuple[str, int]]:
    """Each pipeline's turns ask for its frames 1, 2, 3 …"""
    return [(name, turns[:number].count(name) + 1) for number, name in enumerate(turns)]


def pixels(png: bytes) -> tuple[tuple[int, int], str, bytes]:
    """Without what Blender writes beside them: date and render time."""
    picture = Image.open(io.BytesIO(png))
    return picture.size, picture.mode, picture.tobytes()


def assert_same(found: bytes, alone: bytes, name: str, folder: Path) -> None:
    if name != "mitsuba":
        assert pixels(found) == pixels(alone), name
        return
    layers = []
    for which, content in (("found", found), ("alone", alone)):
        (folder / f"{which}.exr").write_bytes(content)
        layers.append(read_exr(folder / f"{which}.exr")[0])
    assert set(layers[0]) == set(layers[1])
    for channel, values in layers[0].items():
        np.testing.assert_allclose(values, layers[1][channel], rtol=MITSUBA_RELATIVE, atol=MITSUBA_RELATIVE)


@pytest.mark.timeout(SETUP_TIMEOUT_S)
async def test_one_replica_serves_all_four_pipelines_in_turn_and_none_waits_for_another_to_scale_down(
    tmp_path: Path,
) -> None:
    made: Mapping[str, Case] = cases(tmp_path)
    plan = frames_of(TURNS)
    alone = {
        name: await render_alone(case, tmp_path / f"alone-{name}", [frame for who, frame in plan if who == name])
        for name, case in made.items()
    }
    watch = Watch()
    watching = asyncio.create_task(watch.run())
    async with storage_in(tmp_path / "storage") as storage:
        for case in made.values():
            await case.store(storage)
        room = EngineRoom(
            replica_id=uuid4(),
            storage=storage,
            settings=ClusterSettings(cache_dir=tmp_path / "cache", max_engines=ROOM),
            engine_settings=SLOW_MACHINE,
        )
        met = []
        for name, frame in plan:
            picture, warm = await render(room, made[name].chunk(frame))
            assert_same(picture, alone[name][frame], name, tmp_path)
            met.append(warm)
        # A turn ends with the engine still resident: whoever comes next takes room, and no time limit has to pass.
        assert tuple(met) == WARM
        assert {resident["pipeline"] for resident in room.residents()} == {"cycles", "mitsuba", "diffusion"}
        assert ROOM <= watch.engines <= ROOM + 1
        watching.cancel()
        await room.close()
    assert engines() == []
