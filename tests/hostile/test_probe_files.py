"""The probe says which files a scene needs, in the words of the scene, and finds those that it got."""

from __future__ import annotations

from pathlib import Path

from models.probe import ExternalFile, FileKind, ProbeReport
from tests.hostile.conftest import Probe

SAMPLE = Path(__file__).parents[2] / "examples" / "sample.blend"


def only(report: ProbeReport) -> ExternalFile:
    assert len(report.external) == 1, report.external
    return report.external[0]


def missing(report: ProbeReport) -> dict[str, str | None]:
    return {file.raw: file.resolved for file in report.missing}


async def test_the_sample_scene_needs_nothing(probe: Probe) -> None:
    report = await probe({"sample.blend": SAMPLE})
    assert (report.frame_start, report.frame_end, report.frame_step, report.fps) == (1, 24, 1, 12.0)
    assert report.resolution == (640, 360, 100)
    assert report.cameras == ("Camera",)
    assert report.active_camera == "Camera"
    assert report.view_layers == ("ViewLayer",)
    assert (report.engine, report.blender_version) == ("CYCLES", "5.0")
    assert report.triangles > 10_000
    assert report.external == ()
    assert report.findings == ()


async def test_a_missing_texture_is_named_and_found_once_it_is_there(scenes: Path, probe: Probe) -> None:
    folder = scenes / "textured"
    report = await probe({"scene.blend": folder / "scene.blend"})
    file = only(report)
    assert (file.raw, file.kind, file.owner) == ("//textures/wood.png", FileKind.IMAGE, "Image")
    assert (file.resolved, file.owner_file, file.found) == ("textures/wood.png", "scene.blend", False)
    assert report.missing == (file,)
    assert "missing_file" in {finding.code for finding in report.findings}

    complete = await probe(
        {"scene.blend": folder / "scene.blend", "textures/wood.png": folder / "textures" / "wood.png"}
    )
    assert complete.missing == ()
    assert only(complete).found


async def test_a_relative_path_with_backslashes_means_the_same(scenes: Path, probe: Probe) -> None:
    folder = scenes / "backslash"
    report = await probe({"scene.blend": folder / "scene.blend"})
    assert list(missing(report).values()) == ["textures/wood.png"]
    texture = folder / "textures" / "wood.png"
    assert (await probe({"scene.blend": folder / "scene.blend", "textures/wood.png": texture})).missing == ()


async def test_a_windows_path_has_no_place_until_the_manifest_maps_it(scenes: Path, probe: Probe) -> None:
    scene = scenes / "windows" / "scene.blend"
    raw = only(await probe({"scene.blend": scene})).raw
    assert raw.replace("\\", "/") == "C:/show/textures/wood.png"
    texture = scenes / "textured" / "textures" / "wood.png"
    report = await probe({"scene.blend": scene, "external/ab/wood.png": texture}, remap={raw: "external/ab/wood.png"})
    assert report.missing == ()
    assert only(report).raw == raw


async def test_an_absolute_path_is_missing_even_where_this_machine_has_the_file(scenes: Path, probe: Probe) -> None:
    folder = scenes / "absolute"
    raw = str(folder / "elsewhere" / "wood.png")
    assert Path(raw).is_file()
    report = await probe({"scene.blend": folder / "scene.blend"})
    assert missing(report) == {raw: None}
    mapped = await probe({"scene.blend": folder / "scene.blend", "x/wood.png": Path(raw)}, remap={raw: "x/wood.png"})
    assert mapped.missing == ()


async def test_sequences_and_tiles_are_found_by_any_of_their_files(scenes: Path, probe: Probe) -> None:
    folder = scenes / "sequence"
    report = await probe({"scene.blend": folder / "scene.blend"})
    assert missing(report) == {
        "//plates/plate_0001.png": "plates/plate_0001.png",
        "//skin.<UDIM>.png": "skin.<UDIM>.png",
    }
    assert {file.raw: file.sequence for file in report.missing}["//plates/plate_0001.png"]
    complete = await probe(
        {
            "scene.blend": folder / "scene.blend",
            "plates/plate_0002.png": folder / "plates" / "plate_0002.png",
            "skin.1002.png": folder / "skin.1002.png",
        }
    )
    assert complete.missing == ()


async def test_a_library_brings_its_own_texture_and_library_into_the_report(scenes: Path, probe: Probe) -> None:
    folder = scenes / "linked"
    files = {"scene.blend": folder / "shot" / "scene.blend"}
    first = await probe(files)
    assert missing(first) == {"//../shared/tree.blend": None}
    assert first.missing[0].kind is FileKind.LIBRARY

    files["external/5a/tree.blend"] = folder / "shared" / "tree.blend"
    remap = {"//../shared/tree.blend": "external/5a/tree.blend"}
    second = await probe(files, remap=remap)
    assert missing(second) == {
        "//tex/bark.png": "external/5a/tex/bark.png",
        "//external/other/moss.blend": "external/other/moss.blend",
    }
    assert {file.owner_file for file in second.missing} == {"external/5a/tree.blend"}
    assert {file.stored for file in second.missing} == {"//tex/bark.png", "//../other/moss.blend"}

    files["external/5a/tex/bark.png"] = folder / "shared" / "tex" / "bark.png"
    files["external/other/moss.blend"] = folder / "other" / "moss.blend"
    third = await probe(files, remap=remap)
    assert third.missing == ()
    assert {file.raw for file in third.external} >= {"//../shared/tree.blend", "//tex/bark.png"}


async def test_a_library_and_its_texture_in_the_scenes_folder_are_found_and_each_that_lacks_is_named(
    scenes: Path, probe: Probe
) -> None:
    folder = scenes / "beside"
    files = {name: folder / name for name in ("scene.blend", "lib/tree.blend", "lib/tex/bark.png")}
    whole = await probe(files)
    assert whole.missing == ()
    assert {(file.raw, file.owner_file, file.kind) for file in whole.external} == {
        ("//lib/tree.blend", "scene.blend", FileKind.LIBRARY),
        ("//tex/bark.png", "lib/tree.blend", FileKind.IMAGE),
    }

    bare = await probe({name: file for name, file in files.items() if "bark" not in name})
    assert missing(bare) == {"//tex/bark.png": "lib/tex/bark.png"}
    assert any("//tex/bark.png" in finding.message for finding in bare.findings)

    alone = await probe({"scene.blend": files["scene.blend"]})
    assert missing(alone) == {"//lib/tree.blend": "lib/tree.blend"}
    assert any("//lib/tree.blend" in finding.message for finding in alone.findings)
