"""A job that names an integrator changes how light is followed, and nothing else that the scene says of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipelines.base import FrameRequest, ModelFiles
from pipelines.mitsuba.picture import read_exr
from tests.pipelines.conftest import StartEngine
from tests.pipelines.test_mitsuba_frames import EXR, SCALAR, Renderer, assert_same, differ, rgb

DEPTHS = '<integer name="max_depth" value="2"/><integer name="rr_depth" value="2"/>'
HIDDEN = '<boolean name="hide_emitters" value="true"/>'
SCENE = f"""<scene version="3.0.0"><integrator type="path">{DEPTHS}{HIDDEN}</integrator>
<sensor type="perspective"><float name="fov" value="50"/><transform name="to_world">
<lookat origin="0, 1, 4" target="0, 0.5, 0" up="0, 1, 0"/></transform><film type="hdrfilm">
<integer name="width" value="16"/><integer name="height" value="12"/><rfilter type="box"/></film>
<sampler type="independent"><integer name="sample_count" value="64"/></sampler></sensor>
<shape type="sphere"><point name="center" x="0" y="1.2" z="0"/><float name="radius" value="0.4"/>
<emitter type="area"><rgb name="radiance" value="9"/></emitter></shape>
<shape type="rectangle"><transform name="to_world"><scale value="4"/><rotate x="1" angle="-90"/></transform></shape>
<shape type="rectangle"><transform name="to_world"><scale value="4"/><translate z="-2"/></transform></shape></scene>"""
"""A lamp that is not to be seen, over a floor and before a wall which light each other."""


@pytest.mark.parametrize(
    ("wish", "by_hand"),
    [
        ({"integrator": "volpath"}, {'type="path"': 'type="volpath"'}),
        ({"integrator": "ptracer"}, {'type="path"': 'type="ptracer"'}),
        ({"integrator": "direct"}, {'type="path"': 'type="direct"', DEPTHS: ""}),
        (
            {"integrator": "volpath", "max_depth": 4},
            {'type="path"': 'type="volpath"', '"max_depth" value="2"': '"max_depth" value="4"'},
        ),
    ],
    ids=["volpath", "ptracer", "direct, which has no depths", "the job's own depth wins"],
)
async def test_a_named_integrator_keeps_what_the_scene_says_of_depth_and_of_visible_lamps(
    start_engine: StartEngine, workdir: Path, tmp_path: Path, wish: dict[str, Any], by_hand: dict[str, str]
) -> None:
    scene = tmp_path / "model" / "a.xml"
    scene.parent.mkdir()
    scene.write_text(SCENE)
    host = await start_engine("mitsuba", ModelFiles(digest="0" * 64, root=scene.parent, main="a.xml"))
    request = FrameRequest(id="1", frame=1, settings={**EXR, **SCALAR, **wish}, scratch=workdir / "1")
    ours = rgb(read_exr((await host.render(request)).main)[0])

    hand = Renderer(host, tmp_path)
    assert_same(ours, hand.by_hand(scene=str(scene), spp=64, replace=by_hand))
    assert np.mean(ours) > 0.01
    bare = {**by_hand, HIDDEN: ""}
    assert differ(ours, hand.by_hand(scene=str(scene), spp=64, replace=bare)), "a lamp that is shown is seen here"
