"""Scenes of other programs as models of the cycles pipeline: their frames, and what they get where they say nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jobs.states import EndReason
from models.kinds import ModelKind
from pipelines.base import FrameRequest, ModelFiles
from pipelines.errors import EngineError
from tests.pipelines.conftest import StartEngine, blend, run_blender
from tests.pipelines.imported_scenes import write_glb, write_gltf, write_obj

Frame = Callable[..., FrameRequest]
GOLDENS = Path(__file__).with_name("goldens")
GOLDEN_MEAN = 0.004
"""Mean difference of 8-bit values over 255 of a golden, for another CPU: one level. A texture that is not found (pink),
a lamp less or a step aside are 0.02 and more."""
SMALL = {"resolution_x": 96, "resolution_y": 54, "samples": 16, "denoise": False}


@pytest.fixture(scope="module")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of each kind of scene."""
    folder = tmp_path_factory.mktemp("imports")
    run_blender("build_imports.py", folder)
    for name, write in (("gltf", write_gltf), ("glb", write_glb), ("obj", write_obj)):
        (folder / name).mkdir()
        write(folder / name)
    return folder


def model(folder: Path, main: str, remap: dict[str, str] | None = None) -> ModelFiles:
    digest = f"{folder.name}/{main}".encode().hex().ljust(64, "0")
    return ModelFiles(digest=digest, root=folder, main=main, remap=remap or {})


def values(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    return np.asarray(Image.open(path).convert("RGB"), np.float64) / 255


@pytest.mark.parametrize(
    ("place", "golden"),
    [
        ("gltf/scene.gltf", "gltf"),
        ("glb/scene.glb", "gltf"),
        ("obj/scene.obj", "obj"),
        ("usd/scene.usda", "usd"),
        ("usd/scene.usdc", "usd"),
        ("usd/scene.usdz", "usd"),
        ("fbx/scene.fbx", "fbx"),
        ("fbx/packed.fbx", "fbx"),
        ("lit/scene.glb", "lit"),
    ],
)
async def test_a_scene_looks_as_it_should(
    start_engine: StartEngine, imports: Path, frame: Frame, tmp_path: Path, place: str, golden: str
) -> None:
    folder, main = place.split("/")
    host = await start_engine("cycles", model(imports / folder, main))
    found, wanted = values((await host.render(frame(6, **SMALL))).main), values(GOLDENS / f"import_{golden}.png")
    assert found.shape == wanted.shape
    mean = float(np.mean(np.abs(found - wanted)))
    if mean > GOLDEN_MEAN:
        Image.fromarray(np.uint8(np.abs(found - wanted) * 255)).save(tmp_path / "difference.png")
    assert mean <= GOLDEN_MEAN, f"mean difference {mean:.4f}, see {tmp_path}/difference.png"


async def test_scenes_of_all_kinds_take_turns_in_one_engine_and_stay_bit_equal(
    start_engine: StartEngine, imports: Path, scenes: Path, frame: Frame
) -> None:
    host = await start_engine("cycles")
    turns = [
        blend(scenes, "look"),
        model(imports / "gltf", "scene.gltf"),
        model(imports / "obj", "scene.obj"),
        model(imports / "usd", "scene.usdc"),
        model(imports / "fbx", "scene.fbx"),
    ]
    seen: list[list[bytes]] = []
    for _ in range(2):
        pictures = []
        for each in turns:
            await host.load(each)
            pictures.append(Image.open((await host.render(frame(4, **SMALL))).main).tobytes())
        seen.append(pictures)
    assert seen[0] == seen[1]
    assert len(set(seen[0])) == len(turns) - 1, "the same cube as USD and as FBX is one picture"


async def test_what_a_file_lacks_is_added_and_said_and_what_it_has_is_kept(
    start_engine: StartEngine, imports: Path, frame: Frame
) -> None:
    host = await start_engine("cycles")
    bare = "\n".join((await host.load(model(imports / "gltf", "scene.gltf"))).warnings)
    assert "no camera" in bare
    assert "no light" in bare
    with pytest.raises(EngineError, match="no camera 'Shot'"):
        await host.render(frame(1, camera="Shot", **SMALL))

    assert (await host.load(model(imports / "lit", "scene.glb"))).warnings == ()
    own = Image.open((await host.render(frame(1, **SMALL))).main).tobytes()
    named = Image.open((await host.render(frame(1, camera="Shot", **SMALL))).main).tobytes()
    assert own == named


async def test_the_default_camera_sees_the_whole_scene_in_pictures_of_any_shape(
    start_engine: StartEngine, imports: Path, frame: Frame
) -> None:
    """The background is grey, the cube red and blue: none of these touches an edge in any frame of the animation."""
    host = await start_engine("cycles", model(imports / "gltf", "scene.gltf"))
    for width, height in ((160, 90), (90, 160), (96, 96)):
        for number in (0, 12):
            picture = await host.render(
                frame(number, resolution_x=width, resolution_y=height, samples=4, denoise=False)
            )
            found = values(picture.main)
            coloured = np.ptp(found, axis=2) > 0.15
            assert coloured.sum() > 60
            for edge in (coloured[0], coloured[-1], coloured[:, 0], coloured[:, -1]):
                assert not edge.any()


async def test_a_file_that_is_missing_is_named_before_a_frame_is_rendered(
    start_engine: StartEngine, imports: Path, tmp_path: Path
) -> None:
    host = await start_engine("cycles")
    folder = tmp_path / "lacking"
    write_gltf(folder)
    (folder / "scene.bin").unlink()
    with pytest.raises(EngineError, match=r"lacks: scene\.bin") as caught:
        await host.load(model(folder, "scene.gltf"))
    assert caught.value.reason is EndReason.MODEL_INVALID
    assert "Upload" in (caught.value.remedy or "")


async def test_a_texture_from_elsewhere_is_found_where_the_manifest_says(
    start_engine: StartEngine, imports: Path, frame: Frame, tmp_path: Path
) -> None:
    folder = tmp_path / "mapped"
    write_obj(folder, texture="/elsewhere/paint.png")
    (folder / "textures" / "paint.png").rename(folder / "moved.png")
    host = await start_engine("cycles")
    lost = await host.load(model(folder, "scene.obj"))
    assert any("paint.png" in warning for warning in lost.warnings)
    await host.load(model(folder, "scene.obj", {"//elsewhere/paint.png": "moved.png"}))
    mapped = values((await host.render(frame(1, **SMALL))).main)
    assert float(np.mean(np.abs(mapped - values(GOLDENS / "import_obj.png")))) <= GOLDEN_MEAN


async def test_a_place_for_what_an_importer_looks_for_itself_is_refused_by_name(
    start_engine: StartEngine, imports: Path
) -> None:
    host = await start_engine("cycles")
    for folder, main, raw in (
        ("usd", "scene.usda", "//textures/paint.png"),
        ("gltf", "scene.gltf", "//scene.bin"),
        ("obj", "scene.obj", "//scene.mtl"),
    ):
        with pytest.raises(EngineError, match=raw):
            await host.load(model(imports / folder, main, {raw: main}))


def test_every_ending_of_the_kinds_that_are_imported_has_its_importer() -> None:
    told = run_blender("list_importers.py").split()
    kinds = (ModelKind.GLTF, ModelKind.OBJ, ModelKind.USD, ModelKind.FBX)
    assert sorted(told) == sorted(ending for kind in kinds for ending in kind.endings)
