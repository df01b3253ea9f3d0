"""A bad scene is refused in words, a hostile one harms one throwaway process, and no script ever runs."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from models.errors import ModelInvalid
from models.formats.blend import inspect_blend
from models.kinds import ModelKind
from pipelines.errors import EngineCrashed
from tests.cluster.in_process import InProcessFarm
from tests.hostile.conftest import Probe
from tests.hostile.damage import cut, flip_data


async def test_a_scene_without_a_camera_is_refused_with_the_remedy(scenes: Path, probe: Probe) -> None:
    with pytest.raises(ModelInvalid, match="no camera") as caught:
        await probe({"scene.blend": scenes / "no_camera" / "scene.blend"})
    assert "Add a camera" in (caught.value.remedy or "")
    assert caught.value.details["finding"] == "no_camera"


@pytest.mark.parametrize("recipe", ["plain", "textured"])
async def test_a_truncated_scene_is_refused_before_blender_sees_it(
    scenes: Path, tmp_path: Path, probe: Probe, recipe: str
) -> None:
    broken = tmp_path / "cut.blend"
    cut(scenes / recipe / "scene.blend", broken, keep=0.7)
    with pytest.raises(ModelInvalid, match="cut off") as caught:
        await probe({"cut.blend": broken})
    assert caught.value.remedy
    assert not (tmp_path / "work").exists()


async def test_a_text_named_blend_is_refused(tmp_path: Path, probe: Probe) -> None:
    text = tmp_path / "notes.blend"
    text.write_text("Shopping list: milk, eggs, a render farm.\n")
    with pytest.raises(ModelInvalid, match="not a Blender file"):
        await probe({"notes.blend": text})


async def test_flipped_bytes_that_crash_blender_harm_one_throwaway_process(
    scenes: Path, tmp_path: Path, probe: Probe
) -> None:
    broken = tmp_path / "flipped.blend"
    flip_data(scenes / "plain" / "scene.blend", broken)
    inspect_blend(broken)  # its block list is whole: only Blender itself can find out
    with pytest.raises(EngineCrashed, match="crashed Blender") as caught:
        await probe({"flipped.blend": broken})
    assert caught.value.signal in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS)
    assert "save it under a new name" in (caught.value.remedy or "")
    healthy = await probe({"scene.blend": scenes / "textured" / "scene.blend"})
    assert healthy.cameras == ("Camera",)


@pytest.mark.usefixtures("patience")
async def test_a_scene_that_crashes_blender_costs_three_processes_and_three_more_when_it_is_registered_again(
    scenes: Path, tmp_path: Path, farm: InProcessFarm
) -> None:
    flip_data(scenes / "plain" / "scene.blend", tmp_path / "flipped.blend")
    broken = (tmp_path / "flipped.blend").read_bytes()
    farm.start_dispatcher()
    for registered in (1, 2):
        model = await farm.register(broken, ModelKind.BLENDER, "flipped.blend")
        [row] = await farm.until(functools.partial(_invalid, farm, model))
        assert row.problem["code"] == "probe-failed"
        assert "flipped.blend crashed Blender" in row.problem["message"]
        assert "SIG" in row.problem["message"]
        assert "save it under a new name" in row.problem["remedy"]
        probes = await farm.rows("select state, tries from work where kind = 'probe'")
        assert [tuple(probe) for probe in probes] == [("failed", 2)] * registered


@pytest.mark.usefixtures("patience")
async def test_a_scene_that_is_cut_off_is_opened_once_and_stays_invalid(
    scenes: Path, tmp_path: Path, farm: InProcessFarm
) -> None:
    cut(scenes / "plain" / "scene.blend", tmp_path / "cut.blend", keep=0.7)
    broken = (tmp_path / "cut.blend").read_bytes()
    farm.start_dispatcher()
    for _ in range(2):
        model = await farm.register(broken, ModelKind.BLENDER, "cut.blend")
        [row] = await farm.until(functools.partial(_invalid, farm, model))
        assert row.problem["code"] == "model-invalid"
        assert [tuple(probe) for probe in await farm.rows("select state, tries from work")] == [("done", 0)]


async def _invalid(farm: InProcessFarm, model: UUID) -> list[Any]:
    async with farm.database.transaction() as tx:
        await tx.execute(text("update work set not_before = now() where state = 'queued'"))
    return await farm.rows("select problem from model where id = :id and state = 'invalid'", id=model)


def open_trusted(scene: Path) -> None:
    """Open with scripts allowed, as no part of the farm ever does, and step to another frame."""
    code = (
        "import bpy, os, sys\n"
        "bpy.ops.wm.open_mainfile(filepath=sys.argv[1], use_scripts=True)\n"
        "bpy.context.scene.frame_set(3)\n"
        "os._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", code, str(scene)], check=True, capture_output=True, timeout=60)


async def test_scripts_drivers_and_handlers_are_reported_and_none_runs(scenes: Path, probe: Probe) -> None:
    scene = scenes / "scripts" / "scene.blend"
    report = await probe({"scene.blend": scene})
    assert any("autorun.py" in name for name in report.blocked_scripts)
    assert any("__import__" in name for name in report.blocked_scripts)
    assert not any("frame * 0.1" in name for name in report.blocked_scripts)
    finding = next(finding for finding in report.findings if finding.code == "scripts_blocked")
    assert "Frame-change handlers" in finding.message
    assert sorted(scenes.glob("ran-*")) == []

    # The same file, trusted, does write: so nothing above passes because the scene is harmless.
    open_trusted(scene)
    ran = sorted(scenes.glob("ran-*"))
    for path in ran:
        path.unlink()
    assert {path.name for path in ran} >= {"ran-handler", "ran-text"}


async def test_state_that_is_not_baked_is_warned_about(scenes: Path, probe: Probe) -> None:
    report = await probe({"scene.blend": scenes / "simulated" / "scene.blend"})
    assert {(each.owner, each.kind, each.baked) for each in report.simulations} == {
        ("Sheet", "cloth", False),
        ("Source", "particles", False),
        ("Grower", "geometry nodes", None),
    }
    assert [finding.code for finding in report.findings].count("unbaked_state") == 3
    assert all("Bake it" in finding.remedy for finding in report.findings if finding.code == "unbaked_state")
