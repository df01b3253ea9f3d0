"""Frames of the Mitsuba engine, in its sandbox, against frames of Mitsuba run by hand."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import pytest_asyncio
from PIL import Image

from jobs.spec import Split, SplitMode
from jobs.states import EndReason
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.base import FrameOutput, FramePart, FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.mitsuba.picture import Layers, read_exr
from pipelines.mitsuba.settings import MitsubaSettings
from pipelines.probe_run import probe_model
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings

pytestmark = pytest.mark.asyncio(loop_scope="module")

MITSUBA = get_pipeline("mitsuba")
CORNELL = Path(__file__).resolve().parents[2] / "examples" / "cornell.xml"
GOLDEN = Path(__file__).with_name("golden_mitsuba_cornell.png")

SAME_PICTURE = 1e-4
"""Largest difference of linear values, relative to 1: one seed gives one picture to 1e-6 (the order of float sums), and
a ray on an edge may fall to the other side."""
SAME_MEAN = 1e-3
"""Mean difference of 8-bit values of the golden, over 255, for another build of the same version."""
QUALITY_DB = 0.3
"""A merged frame's error against a reference, and the unsplit frame's."""
SMALL = {"width": 24, "height": 18, "spp": 4}
EXR = {"format": "exr", "color_depth": 32}
SCALAR = {"variant": "scalar_rgb"}


class Renderer:
    """One engine for all tests of this file, and Mitsuba by hand."""

    def __init__(self, host: EngineHost, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self._count = 0

    async def render(self, frame: int = 1, *, part: FramePart | None = None, **settings: Any) -> FrameOutput:
        self._count += 1
        scratch = self.host.workdir / f"frame-{self._count}"
        request = FrameRequest(id=f"{self._count}", frame=frame, settings=settings, scratch=scratch, part=part)
        return await self.host.render(request)

    async def linear(self, frame: int = 1, **settings: Any) -> Layers:
        return read_exr((await self.render(frame, **EXR, **settings)).main)[0]

    def by_hand(self, **job: Any) -> npt.NDArray[np.float32]:
        self._count += 1
        out = self.folder / f"hand-{self._count}.npy"
        jobs = out.with_suffix(".json")
        defaults = {"scene": str(CORNELL), "variant": "scalar_rgb", "seed": 0, "out": str(out)}
        jobs.write_text(json.dumps([defaults | job]))
        script = Path(__file__).with_name("mitsuba_by_hand.py")
        command = [sys.executable, str(script), str(jobs)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        pixels: npt.NDArray[np.float32] = np.load(out)
        return pixels


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Renderer]:
    folder = tmp_path_factory.mktemp("mitsuba")
    host = await EngineHost.start(
        pipeline=MITSUBA, workdir=folder / "work", models=(CORNELL.parent,), settings=EngineSettings()
    )
    await host.load(ModelFiles(digest="0" * 64, root=CORNELL.parent, main=CORNELL.name))
    yield Renderer(host, folder)
    await host.kill()


def rgb(layers: Layers) -> npt.NDArray[np.float32]:
    return np.stack([layers[name] for name in "RGB"], axis=-1)


def assert_same(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> None:
    assert one.shape == other.shape
    worst = float(np.max(np.abs(one - other) / (1 + np.abs(other))))
    assert worst <= SAME_PICTURE, f"the pictures differ by {worst:.2g}"


def differ(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> bool:
    return one.shape != other.shape or float(np.max(np.abs(one - other))) > 100 * SAME_PICTURE


def error_db(picture: npt.NDArray[np.float32], reference: npt.NDArray[np.float32]) -> float:
    """Of what a screen shows: unclipped, a few pixels at the lamp's edge outweigh all others, and chance decides."""
    return 10 * math.log10(float(np.mean((np.minimum(picture, 1) - np.minimum(reference, 1)) ** 2)))


class TestLlvm:
    """First, while the scene is loaded for it."""

    async def test_the_sandbox_holds_and_the_picture_is_mitsubas_own(self, engine: Renderer) -> None:
        assert engine.host.sandbox is not None
        output = await engine.render(seed=3, spp=8, **EXR, variant="llvm_ad_rgb")
        assert output.metrics["variant"] == "llvm_ad_rgb"
        assert output.metrics["device"] == "CPU"
        assert output.metrics["samples"] == 8
        assert output.metrics["engine_version"] == MITSUBA.engine_version()
        hand = engine.by_hand(variant="llvm_ad_rgb", spp=8, seed=3)
        assert_same(rgb(read_exr(output.main)[0]), hand)

    async def test_a_frame_of_many_parts_is_as_good_as_the_one_that_is_rendered_whole(self, engine: Renderer) -> None:
        size = {"width": 80, "height": 80, "max_depth": 3, "variant": "llvm_ad_rgb"}
        reference = rgb(await engine.linear(**size, spp=512, seed=1))
        whole = rgb(await engine.linear(**size, spp=30, seed=2))
        split = Split(mode=SplitMode.SAMPLES, parts=4)  # of 7, 8, 7 and 8 samples
        files = []
        for number in range(split.parts):
            part = FramePart(number=number, of=split.parts, mode=split.mode)
            output = await engine.render(1, part=part, **size, spp=30, seed=2)  # the job asks for png: a part is exr
            assert output.main.suffix == ".exr"
            files.append(output.main)
        target = engine.folder / "merged.exr"
        settings = MitsubaSettings.model_validate(EXR | size | {"spp": 30})
        MITSUBA.merge(files, target, settings=settings, frame=1, split=split)
        merged = rgb(read_exr(target)[0])
        assert differ(merged, whole)
        found, wanted = error_db(merged, reference), error_db(whole, reference)
        assert abs(found - wanted) <= QUALITY_DB, f"{found:.2f} dB merged, {wanted:.2f} dB whole"
        one = error_db(rgb(read_exr(files[0])[0]), reference)
        assert one > wanted + 3, "a part alone is noisier, so the measure sees noise"

    async def test_a_frame_of_many_passes_tells_how_far_it_is(self, engine: Renderer) -> None:
        heard: list[float] = []
        request = FrameRequest(
            id="p",
            frame=1,
            settings={"width": 1024, "height": 1024, "spp": 5, "max_depth": 1, "variant": "llvm_ad_rgb"},
            scratch=engine.host.workdir / "passes",
        )
        output = await engine.host.render(request, lambda fraction, *_: heard.append(fraction))
        assert output.metrics["passes"] == 2
        assert heard == sorted(heard)
        assert heard[0] == 0


class TestScalar:
    async def test_without_wishes_the_scene_decides(self, engine: Renderer) -> None:
        layers = await engine.linear(**SCALAR)
        assert set(layers) == {"R", "G", "B"}
        assert_same(rgb(layers), engine.by_hand(spp=16))

    async def test_a_golden_picture_stays_what_it_is(self, engine: Renderer) -> None:
        output = await engine.render(**SCALAR, width=48, height=48, spp=16, seed=7)
        found, golden = (np.asarray(Image.open(path), np.float32) / 255 for path in (output.main, GOLDEN))
        assert found.shape == golden.shape
        mean = float(np.mean(np.abs(found - golden)))
        if mean > SAME_MEAN:
            Image.fromarray(np.uint8(np.abs(found - golden) * 255)).save(engine.folder / "golden-difference.png")
        assert mean <= SAME_MEAN, f"{mean:.4f}; the difference lies in {engine.folder}"

    async def test_a_changed_setting_takes_effect_and_the_next_job_does_not_inherit_it(self, engine: Renderer) -> None:
        base = {**SCALAR, **SMALL}
        before = rgb(await engine.linear(**base))
        wishes: list[dict[str, Any]] = [
            {"seed": 9},
            {"spp": 9},
            {"width": 30},
            {"max_depth": 2},
            {"integrator": "direct"},
            {"integrator": "volpath", "seed": 5},
            {"camera_path": {"kind": "orbit", "radius": 3.0, "elevation": 5, "frames": 10, "fov": 30}},
            {"variant": "scalar_spectral", "seed": 5},
        ]
        for wish in wishes:
            changed = rgb(await engine.linear(**(base | wish)))
            assert differ(changed, before), wish
            assert np.mean(changed) > 0.01, wish
        assert_same(rgb(await engine.linear(**base)), before)

    async def test_a_moved_camera_sees_what_a_scene_loaded_afresh_with_it_sees(self, engine: Renderer) -> None:
        key = {"target": [0, 0, 0], "up": [0, 1, 0]}
        path = {
            "kind": "keyframes",
            "keyframes": [
                key | {"frame": 1, "origin": [0, 0, 3.5], "fov": 39.3},
                key | {"frame": 5, "origin": [0.8, 0.4, 3.9], "fov": 49.3},
            ],
        }
        frames = [rgb(await engine.linear(n, **SCALAR, spp=4, camera_path=path)) for n in (1, 3, 5)]
        assert differ(frames[0], frames[1])
        assert differ(frames[1], frames[2])
        hand = engine.by_hand(
            spp=4, replace={'origin="0, 0, 3.9"': 'origin="0.4, 0.2, 3.7"', 'value="39.3"': 'value="44.3"'}
        )
        assert_same(frames[1], hand)

    async def test_layers_are_named_and_hold_what_they_say(self, engine: Renderer) -> None:
        layers = await engine.linear(
            **SCALAR,
            width=32,
            height=32,
            spp=16,
            aovs=["albedo", "normal", "geometric_normal", "depth", "position", "uv"],
        )
        names = {f"{name}.{c}" for name in ("normal", "geometric_normal", "position") for c in "XYZ"}
        names |= {f"albedo.{c}" for c in "RGB"} | {"depth.T", "uv.U", "uv.V"}
        assert set(layers) == {"R", "G", "B"} | names
        wall = (16, 29)  # the right wall: green, looks left
        albedo = [float(layers[f"albedo.{c}"][wall]) for c in "RGB"]
        assert albedo == pytest.approx([0.12, 0.43, 0.11], abs=0.02)
        assert float(layers["normal.X"][wall]) == pytest.approx(-1, abs=0.02)
        assert 2.9 < float(layers["depth.T"][16, 16]) < 5.2
        assert float(layers["position.X"][wall]) == pytest.approx(1, abs=0.02)
        plain = await engine.linear(**SCALAR, width=32, height=32, spp=16)
        assert_same(rgb(layers), rgb(plain))

    async def test_each_format_is_a_whole_picture_of_the_size_that_was_asked_for(self, engine: Renderer) -> None:
        for name, suffix, kind in (("png", ".png", "PNG"), ("jpeg", ".jpg", "JPEG")):
            output = await engine.render(**SCALAR, **SMALL, format=name)
            assert output.main.suffix == suffix
            with Image.open(output.main) as image:
                assert (image.size, image.format) == ((24, 18), kind)
        half = read_exr((await engine.render(**SCALAR, **SMALL, format="exr")).main)[0]
        full = await engine.linear(**SCALAR, **SMALL)
        assert np.allclose(rgb(half), rgb(full), rtol=1e-3, atol=1e-4)


class TestRefusals:
    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"variant": "cuda_ad_rgb"}, "no NVIDIA GPU"),
            ({"camera": "side"}, "no camera 'side'"),
            ({"sampels": 3}, "not valid"),
            ({"integrator": "direct", "max_depth": 3}, "not valid"),
        ],
    )
    async def test_what_cannot_be_done_is_refused_in_words_and_the_engine_lives(
        self, engine: Renderer, wish: dict[str, Any], words: str
    ) -> None:
        if wish.get("variant") == "cuda_ad_rgb" and Path("/dev/nvidiactl").exists():
            pytest.skip("this machine has a GPU")
        with pytest.raises(EngineError, match=words) as refused:
            await engine.render(**({**SCALAR, **SMALL} | wish))
        assert refused.value.reason is EndReason.MODEL_INVALID
        assert engine.host.alive


async def probed(tmp_path: Path, files: dict[str, str]) -> ProbeReport:
    """Probe a model of these texts, the first of which is its main file."""
    entries = []
    for name, text in files.items():
        path = tmp_path / "model" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        entries.append(ManifestFile(path=name, digest=f"{len(entries):064x}", size_bytes=len(text)))
    manifest = Manifest(kind=ModelKind.MITSUBA, main=next(iter(files)), files=tuple(entries))
    return await probe_model(
        ModelFiles(digest=manifest.digest(), root=tmp_path / "model", main=manifest.main),
        pipeline=MITSUBA,
        manifest=manifest,
        workdir=tmp_path / "probe",
        settings=EngineSettings(),
    )


OBJ = "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 1 1 0\nf 1 2 3\nf 2 4 3\n"


class TestProbe:
    async def test_a_scene_is_described_with_its_cameras_files_and_triangles(self, tmp_path: Path) -> None:
        mesh = '<shape type="obj"><string name="filename" value="m/quad.obj"/></shape>'
        scene = CORNELL.read_text().replace("</scene>", mesh + "</scene>")
        report = await probed(tmp_path, {"a.xml": scene, "m/quad.obj": OBJ})
        assert report.cameras == ("front",)
        assert report.resolution == (128, 128, 100)
        assert report.samples == 16
        assert report.triangles == 2 * 12 + 6 * 2 + 2  # two cubes, six rectangles, and the quad
        assert [(file.resolved, file.found) for file in report.external] == [("m/quad.obj", True)]
        assert report.missing == ()
        assert report.details["integrator"] == "path"

    async def test_missing_files_are_listed_and_included_ones_are_among_them(self, tmp_path: Path) -> None:
        body = '<include filename="more.xml"/><shape type="obj"><string name="filename" value="q.obj"/></shape></scene>'
        report = await probed(tmp_path, {"a.xml": CORNELL.read_text().replace("</scene>", body)})
        assert [file.resolved for file in report.missing] == ["more.xml", "q.obj"]

    async def test_a_dict_scene_renders_too(self, tmp_path: Path, engine: Renderer) -> None:
        scene = {
            "type": "scene",
            "cam": {
                "type": "perspective",
                "to_world": [{"look_at": {"origin": [0, 0, 4], "target": [0, 0, 0], "up": [0, 1, 0]}}],
                "film": {"type": "hdrfilm", "width": 16, "height": 12, "pixel_format": "rgba"},
            },
            "red": {"type": "diffuse", "reflectance": {"type": "rgb", "value": [0.8, 0.1, 0.1]}},
            "ball": {"type": "sphere", "to_world": [{"scale": 0.5}], "bsdf": {"type": "ref", "id": "red"}},
            "lamp": {"type": "point", "position": [0, 0, 4], "intensity": {"type": "rgb", "value": [20, 20, 20]}},
        }
        report = await probed(tmp_path, {"a.mitsuba.json": json.dumps(scene)})
        assert report.cameras == ("cam",)
        host = await EngineHost.start(
            pipeline=MITSUBA, workdir=tmp_path / "work", models=(tmp_path / "model",), settings=EngineSettings()
        )
        try:
            await host.load(ModelFiles(digest="0" * 64, root=tmp_path / "model", main="a.mitsuba.json"))
            request = FrameRequest(id="x", frame=1, settings={**EXR, **SCALAR}, scratch=tmp_path / "work" / "f")
            layers = read_exr((await host.render(request)).main)[0]
        finally:
            await host.kill()
        red, green, alpha = (float(layers[name][6, 8]) for name in "RGA")
        assert red > 4 * green > 0
        assert alpha == pytest.approx(1, abs=0.01)
        assert float(layers["A"][0, 0]) == 0
