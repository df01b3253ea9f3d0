"""Scenes that Blender imports, in the probe: what they need is named, what aims outside is refused or contained."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelInvalid
from models.probe import FileKind, ProbeReport
from pipelines.errors import EngineError
from tests.hostile.conftest import Probe
from tests.hostile.damage import cut
from tests.pipelines.imported_scenes import write_glb, write_gltf, write_obj, write_png

BUILD = Path(__file__).parents[1] / "pipelines" / "build_imports.py"
QUAD = (
    'def Mesh "Quad" {\n point3f[] points = [(0,0,0),(1,0,0),(1,1,0),(0,1,0)]\n'
    " int[] faceVertexCounts = [4]\n int[] faceVertexIndices = [0,1,2,3]\n}\n"
)
QUAD_TRIANGLES, CUBE_TRIANGLES = 2, 12


@pytest.fixture(scope="session")
def imports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Exports of Blender; see ``build_imports.py``."""
    folder = tmp_path_factory.mktemp("imports")
    done = subprocess.run([sys.executable, str(BUILD), str(folder)], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def files_of(folder: Path, main: str) -> dict[str, Path]:
    """Manifest path → file, the main one first."""
    every = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    return {main: every[main], **every}


def missing(report: ProbeReport) -> dict[str, str | None]:
    return {file.raw: file.resolved for file in report.missing}


def write_usd(folder: Path, body: str, head: str = "") -> dict[str, Path]:
    (folder / "scene.usda").write_text(f'#usda 1.0\n(\n upAxis = "Z"\n {head}\n)\n{body}')
    return {"scene.usda": folder / "scene.usda"}


class TestWhole:
    @pytest.mark.parametrize(
        ("place", "frames"),
        [
            ("usd/scene.usda", (1, 10)),
            ("usd/scene.usdc", (1, 10)),
            ("usd/scene.usdz", (1, 10)),
            ("fbx/scene.fbx", (1, 10)),
            ("fbx/packed.fbx", (1, 10)),
            ("lit/scene.glb", (1, 10)),
        ],
    )
    async def test_an_export_is_whole_and_its_animation_gives_the_frames(
        self, imports: Path, probe: Probe, place: str, frames: tuple[int, int]
    ) -> None:
        folder, main = place.split("/")
        report = await probe(files_of(imports / folder, main))
        assert (report.frame_start, report.frame_end) == frames
        assert report.triangles == CUBE_TRIANGLES
        assert report.missing == ()
        assert (report.engine, report.resolution, report.samples) == ("CYCLES", (1920, 1080, 100), 128)
        own_camera = folder == "lit"
        assert report.active_camera == ("Shot" if own_camera else "Default Camera")
        said = " ".join(report.warnings)
        assert ("no camera" in said, "no light" in said) == (not own_camera, not own_camera)

    async def test_scenes_by_hand_are_whole_and_the_standing_one_has_one_frame(
        self, tmp_path: Path, probe: Probe
    ) -> None:
        write_gltf(tmp_path / "gltf")
        report = await probe(files_of(tmp_path / "gltf", "scene.gltf"))
        assert (report.frame_start, report.frame_end, report.triangles) == (0, 12, CUBE_TRIANGLES)
        assert {file.raw: file.found for file in report.external} == {"//scene.bin": True, "//textures/paint.png": True}
        write_obj(tmp_path / "obj")
        report = await probe(files_of(tmp_path / "obj", "scene.obj"))
        assert (report.frame_start, report.frame_end, report.triangles) == (1, 1, CUBE_TRIANGLES)
        assert {file.raw: file.found for file in report.external} == {"//scene.mtl": True, "//textures/paint.png": True}


class TestMissing:
    async def test_each_file_of_a_gltf_that_is_missing_is_named(self, tmp_path: Path, probe: Probe) -> None:
        main = write_gltf(tmp_path)
        alone = await probe({"scene.gltf": main})
        assert missing(alone) == {"//scene.bin": "scene.bin", "//textures/paint.png": "textures/paint.png"}
        assert {file.kind for file in alone.missing} == {FileKind.DATA, FileKind.IMAGE}
        plain = await probe({"scene.gltf": main, "scene.bin": tmp_path / "scene.bin"})
        assert missing(plain) == {"//textures/paint.png": "textures/paint.png"}
        assert plain.triangles == CUBE_TRIANGLES

    async def test_a_missing_library_of_an_obj_is_named_and_then_its_texture(
        self, tmp_path: Path, probe: Probe
    ) -> None:
        main = write_obj(tmp_path)
        assert missing(await probe({"scene.obj": main})) == {"//scene.mtl": "scene.mtl"}
        second = await probe({"scene.obj": main, "scene.mtl": tmp_path / "scene.mtl"})
        assert missing(second) == {"//textures/paint.png": "textures/paint.png"}

    async def test_a_missing_texture_of_usd_and_fbx_is_named(self, imports: Path, probe: Probe) -> None:
        for main in ("scene.usda", "scene.usdc"):
            report = await probe({main: imports / "usd" / main})
            assert missing(report) == {"//textures/paint.png": "textures/paint.png"}
        assert missing(await probe({"scene.fbx": imports / "fbx" / "scene.fbx"})) == {"//paint.png": "paint.png"}

    async def test_a_missing_layer_of_usd_is_named_and_one_that_is_no_usd_is_refused(
        self, tmp_path: Path, probe: Probe
    ) -> None:
        files = write_usd(
            tmp_path, QUAD + 'def "A" ( references = @./parts/chair.usda@ ) {}\n', "subLayers = [@look.usda@]"
        )
        report = await probe(files)
        assert missing(report) == {"//parts/chair.usda": "parts/chair.usda", "//look.usda": "look.usda"}
        assert report.triangles == QUAD_TRIANGLES

        (tmp_path / "look.usda").write_text("#usda 1.0\n")
        (tmp_path / "chair.usda").write_text(f'#usda 1.0\n( defaultPrim = "Quad" )\n{QUAD}')
        files |= {"look.usda": tmp_path / "look.usda", "parts/chair.usda": tmp_path / "chair.usda"}
        whole = await probe(files)
        assert (whole.missing, whole.triangles) == ((), 2 * QUAD_TRIANGLES)

        (tmp_path / "chair.usda").write_text("not a layer")
        with pytest.raises(ModelInvalid, match=r"parts/chair\.usda.*cannot be read as USD"):
            await probe(files)


class TestHostile:
    async def test_a_gltf_with_a_way_out_of_its_folder_is_refused(self, tmp_path: Path, probe: Probe) -> None:
        write_png(tmp_path / "secret.png")
        for number, uri in enumerate(("../secret.png", "/etc/passwd", "https://localhost/a.png")):
            folder = tmp_path / str(number)
            write_gltf(folder, image=uri)
            with pytest.raises(ModelInvalid, match="not a path inside") as caught:
                await probe({"scene.gltf": folder / "scene.gltf", "scene.bin": folder / "scene.bin"})
            assert caught.value.remedy

    async def test_an_obj_with_a_library_outside_is_refused(self, tmp_path: Path, probe: Probe) -> None:
        write_obj(tmp_path, library="/etc/passwd")
        with pytest.raises(ModelInvalid, match="'/etc/passwd'"):
            await probe({"scene.obj": tmp_path / "scene.obj"})

    async def test_a_usd_gets_nothing_from_outside_of_its_folder(self, tmp_path: Path, probe: Probe) -> None:
        """Each reference would bring two triangles, and the process that probes could read none of them."""
        outside = tmp_path / "outside.usda"
        outside.write_text(f'#usda 1.0\n( defaultPrim = "Quad" )\n{QUAD}')
        files = write_usd(
            tmp_path,
            QUAD
            + f'def "A" ( references = @{outside}@ ) {{}}\ndef "B" ( references = @../outside.usda@ ) {{}}\n'
            + 'def "C" ( references = @/etc/passwd@ ) {}\ndef "D" ( references = @http://localhost:1/a.usda@ ) {}\n',
        )
        report = await probe(files)
        assert report.triangles == QUAD_TRIANGLES
        assert {str(outside), "/etc/passwd"} <= set(missing(report))
        assert all(file.resolved is None for file in report.missing if "http" not in file.raw)
        assert [file.found for file in report.external] == [False] * len(report.external)

    async def test_a_file_that_holds_nothing_is_refused(self, tmp_path: Path, probe: Probe) -> None:
        with pytest.raises(ModelInvalid, match="nothing that could be seen"):
            await probe(write_usd(tmp_path, 'def Xform "Empty" {}\n'))

    @pytest.mark.parametrize("place", ["usd/scene.usdc", "usd/scene.usdz", "fbx/scene.fbx", "lit/scene.glb"])
    async def test_a_file_that_is_cut_off_is_refused_before_blender_sees_it(
        self, imports: Path, tmp_path: Path, probe: Probe, place: str
    ) -> None:
        broken = tmp_path / Path(place).name
        cut(imports / place, broken, keep=0.6)
        with pytest.raises(ModelInvalid, match=r"damaged|cut off|claims"):
            await probe({broken.name: broken})
        assert not (tmp_path / "work").exists()

    @pytest.mark.parametrize("place", ["usd/scene.usdc", "usd/scene.usda", "fbx/scene.fbx"])
    async def test_flipped_bytes_end_in_words_and_the_next_file_is_none_the_worse(
        self, imports: Path, tmp_path: Path, probe: Probe, place: str
    ) -> None:
        data = bytearray((imports / place).read_bytes())
        for position in range(len(data) // 2, len(data) - 400, 37):
            data[position] ^= 0x55
        broken = tmp_path / Path(place).name
        broken.write_bytes(data)
        outcome: Any = None
        try:
            outcome = await probe({broken.name: broken})
        except (ModelInvalid, EngineError) as error:
            outcome = error.remedy
        assert outcome
        assert (await probe({"scene.glb": write_glb(tmp_path)})).triangles == CUBE_TRIANGLES
