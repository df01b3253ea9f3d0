"""From the button in Blender to a picture of real Cycles on the artist's disk, over a whole farm."""

from __future__ import annotations

from pathlib import Path

from tests.clients.blender.conftest import load_build
from tests.clients.blender.inside import in_blender
from tests.clients.blender.test_addon_in_blender import LIBRARY_AND_TEXTURE
from tests.farm.running import RunningFarm

STILL = (
    LIBRARY_AND_TEXTURE
    + """
scene.render.resolution_x, scene.render.resolution_y, scene.render.engine = 64, 36, "CYCLES"
scene.rayfarm.use_samples, scene.rayfarm.samples = True, 1
scene.frame_set(7)
preferences.allowed = str(shared.absolute())
bpy.ops.rayfarm.submit(only_frame=True)
pump_until(lambda: not session.is_busy, "the job")
assert not session.problem, lines()
tell(job=session.jobs[0].id)
pump_until(lambda: session.jobs[0].is_over, "the frame")
pump_until(lambda: not session.is_busy and session.words.startswith("1 file"), "the file")
[folder] = (show / "render").iterdir()
[picture] = folder.iterdir()
tell(name=picture.name, size=list(bpy.data.images.load(str(picture.absolute())).size))
"""
)


def test_a_still_with_a_texture_and_a_linked_library_comes_back_from_cycles(
    running: RunningFarm, tmp_path: Path
) -> None:
    addon = load_build().build(tmp_path / "rayfarm.zip")
    key = running.http.headers["Authorization"].removeprefix("Bearer ")
    facts = in_blender(STILL, addon=addon, home=tmp_path, url=running.url, key=key)
    job = running.job(facts["job"])
    assert (job["state"], job["frames"]) == ("succeeded", "7")
    probe = running.call("GET", f"/models/{job['model']}")["probe"]
    assert probe["missing"] == []
    assert sorted(file["resolved"] for file in probe["external"] if file["found"]) == [
        "shared/ape.blend",
        "show/wood.png",
    ]
    assert facts["name"] == "frame_0007.png"
    assert facts["size"] == [64, 36]
