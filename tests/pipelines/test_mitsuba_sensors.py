"""Cameras of every kind that a scene may have, and a scene that one variant could not open."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.mitsuba.picture import read_exr
from tests.pipelines.conftest import StartEngine
from tests.pipelines.test_mitsuba_frames import EXR, SCALAR, Renderer, assert_same, rgb

OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n"
SENSORS = {
    "distant": '<sensor type="distant"><vector name="direction" x="0" y="0" z="-1"/>',
    "radiancemeter": '<sensor type="radiancemeter"><vector name="direction" x="0" y="0" z="-1"/>'
    '<point name="origin" x="0" y="0" z="3"/>',
    "orthographic": '<sensor type="orthographic"><transform name="to_world">'
    '<lookat origin="0, 0, 3" target="0, 0, 0" up="0, 1, 0"/></transform>',
    "thinlens": '<sensor type="thinlens"><float name="aperture_radius" value="0.2"/>'
    '<float name="focus_distance" value="3"/><float name="fov" value="40"/><transform name="to_world">'
    '<lookat origin="0, 0, 3" target="0, 0, 0" up="0, 1, 0"/></transform>',
}


def scene_with(sensor: str, *, more: str = "") -> str:
    """A bright sphere of radius 0.5 beside the middle, and a large dark floor."""
    size = 1 if sensor in ("distant", "radiancemeter") else 16
    return (
        f'<scene version="3.0.0"><integrator type="path"/>{SENSORS[sensor]}'
        f'<film type="hdrfilm"><integer name="width" value="{size}"/><integer name="height" value="{size}"/>'
        '<rfilter type="box"/></film><sampler type="independent"><integer name="sample_count" value="256"/></sampler>'
        '</sensor><shape type="sphere"><point name="center" x="0.2" y="0" z="0"/><float name="radius" value="0.5"/>'
        '<emitter type="area"><rgb name="radiance" value="2"/></emitter></shape>'
        f'<shape type="rectangle"><transform name="to_world"><translate z="-1"/></transform></shape>{more}</scene>'
    )


@pytest.mark.parametrize("sensor", SENSORS)
async def test_each_camera_sees_what_it_sees_in_plain_mitsuba(
    start_engine: StartEngine, workdir: Path, tmp_path: Path, sensor: str
) -> None:
    scene = tmp_path / "model" / "a.xml"
    scene.parent.mkdir()
    scene.write_text(scene_with(sensor))
    host = await start_engine("mitsuba", ModelFiles(digest="0" * 64, root=scene.parent, main="a.xml"))
    request = FrameRequest(id="1", frame=1, settings={**EXR, **SCALAR}, scratch=workdir / "1")
    ours = rgb(read_exr((await host.render(request)).main)[0])
    hand = Renderer(host, tmp_path).by_hand(scene=str(scene), spp=256)
    assert np.mean(hand) > 0.01
    assert_same(ours, hand)


async def test_a_scene_that_one_variant_cannot_open_is_there_for_the_next_job(
    start_engine: StartEngine, workdir: Path, tmp_path: Path
) -> None:
    scene = tmp_path / "model" / "a.xml"
    scene.parent.mkdir()
    mesh = '<shape type="obj"><string name="filename" value="q.obj"/></shape>'
    scene.write_text(scene_with("orthographic", more=mesh))
    (scene.parent / "q.obj").write_text(OBJ)
    host = await start_engine("mitsuba", ModelFiles(digest="0" * 64, root=scene.parent, main="a.xml"))
    (scene.parent / "q.obj").rename(scene.parent / "away.obj")  # stands for whatever one variant alone trips over
    with pytest.raises(EngineError, match=r"q\.obj is missing"):
        await host.render(
            FrameRequest(id="1", frame=1, settings={"variant": "scalar_spectral", "spp": 1}, scratch=workdir / "1")
        )
    (scene.parent / "away.obj").rename(scene.parent / "q.obj")
    output = await host.render(FrameRequest(id="2", frame=1, settings={"spp": 1}, scratch=workdir / "2"))
    assert output.main.is_file()
