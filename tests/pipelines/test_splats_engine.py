"""The splat engine in its child process: frames, files beside them, refusals, and the probe of an upload."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenEXR
import pytest
import pytest_asyncio
from PIL import Image

from jobs.errors import InvalidInput
from jobs.states import EndReason
from models.errors import ModelInvalid
from models.kinds import ModelKind
from models.manifest import Manifest, ManifestFile
from models.probe import ProbeReport
from pipelines.base import FrameOutput, FrameRequest, ModelFiles
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.post.verify import verify_picture
from pipelines.probe_run import probe_model
from pipelines.registry import get_pipeline
from pipelines.settings import EngineSettings
from pipelines.splats.build_kernels import build
from pipelines.splats.settings import SplatsSettings
from tests.pipelines import splat_reference
from tests.pipelines.splat_files import make_cloud, ply_bytes, spz_bytes, write
from tests.pipelines.test_splats_cameras import IDENTITY, path, transforms

pytestmark = pytest.mark.asyncio(loop_scope="module")

GOLDEN_TOLERANCE = 2
"""Of 255: the picture of the slow rasteriser, rounded to bytes, but for a few pixels."""
GOLDEN_SHARE = 0.999
"""Of values within that."""
BACK = [*IDENTITY[:11], 4, *IDENTITY[12:]]
"""A camera four units behind the cloud, looking at it."""
SIZE = {"width": 64, "height": 48}


@pytest.fixture(scope="module", autouse=True)
def kernels() -> Path:
    """Compiled once for all engines of these tests, as the farm does in the background."""
    return build()


@dataclass(slots=True)
class Drawer:
    """An engine that has the ball loaded, for all tests of the module: its libraries take seconds to import."""

    host: EngineHost
    models: Path
    ball: ModelFiles
    work: Path
    _made: int = 0

    async def draw(self, number: int = 1, **settings: Any) -> FrameOutput:
        self._made += 1
        scratch = self.work / f"frame-{self._made}"
        return await self.host.render(FrameRequest(id=scratch.name, frame=number, settings=settings, scratch=scratch))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def drawer(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Drawer]:
    folder = tmp_path_factory.mktemp("drawer")
    model = make_ball(folder / "ball")
    host = await EngineHost.start(
        pipeline=get_pipeline("splats"), workdir=folder / "work", models=(folder,), settings=EngineSettings()
    )
    await host.load(model)
    yield Drawer(host, folder, model, folder / "work")
    await host.kill()


@pytest.fixture
def ball(tmp_path: Path) -> ModelFiles:
    return make_ball(tmp_path / "ball")


def make_ball(root: Path) -> ModelFiles:
    write(root, "ball.ply", ply_bytes(make_cloud(300)))
    write(root, "path.json", json.dumps(path(camera_path=[{"camera_to_world": BACK, "fov": 40}] * 2)).encode())
    write(root, "bent.json", json.dumps(transforms(k1=0.1)).encode())
    return ModelFiles(digest="b" * 64, root=root, main="ball.ply")


async def test_a_frame_is_the_picture_of_the_slow_rasteriser(drawer: Drawer) -> None:
    cameras = {"type": "file", "path": "path.json"}
    output = await drawer.draw(2, cameras=cameras, width=60, height=40, background=[0.2, 0.4, 0.6])
    verify_picture(output.main, expected=(60, 40), decode_limit_bytes=1 << 30)
    assert output.metrics["device"] == "CPU"
    assert output.metrics["gaussians"] == 300
    found = np.asarray(Image.open(output.main)).astype(int)
    from pipelines.splats.cameras import parse_path

    camera = parse_path(json.loads((drawer.ball.root / "path.json").read_bytes())).cameras[1].sized(60, 40)
    colour, light, _ = splat_reference.draw(make_cloud(300), camera)
    expected = np.rint(np.clip(colour + light[..., None] * (0.2, 0.4, 0.6), 0, 1) * 255)
    near = np.abs(found - expected) <= GOLDEN_TOLERANCE
    if near.mean() < GOLDEN_SHARE:
        Image.fromarray(np.abs(found - expected).astype(np.uint8)).save(output.main.parent / "difference.png")
    assert near.mean() >= GOLDEN_SHARE, f"see {output.main.parent}/difference.png"
    assert light.min() < 0.2


async def test_an_orbit_moves_and_a_frame_repeats_bit_for_bit(drawer: Drawer) -> None:
    cameras = {"type": "orbit", "frames_per_turn": 4}
    pictures = [(await drawer.draw(number, cameras=cameras, **SIZE)).main.read_bytes() for number in (1, 2, 3, 4, 5)]
    assert len(set(pictures[:4])) == 4
    assert pictures[4] == pictures[0]


async def test_each_format_holds_what_it_says(drawer: Drawer) -> None:
    jpeg = await drawer.draw(1, format="jpeg", quality=80, **SIZE)
    assert Image.open(jpeg.main).format == "JPEG"
    clear = await drawer.draw(1, transparent=True, depth=True, **SIZE)
    rgba = np.asarray(Image.open(clear.main))
    assert rgba.shape == (48, 64, 4)
    assert rgba[0, 0, 3] == 0 < rgba[24, 32, 3]
    (beside,) = clear.extra
    steps = np.asarray(Image.open(beside))
    assert steps.dtype == np.uint16 or steps.dtype == np.int32
    assert steps[0, 0] == 0
    assert 1000 < steps[24, 32] < 10_000  # thousandths of a unit
    exr = await drawer.draw(1, format="exr", color_depth=32, transparent=True, depth=True, **SIZE)
    verify_picture(exr.main, expected=(64, 48), decode_limit_bytes=1 << 30)
    with OpenEXR.File(str(exr.main), separate_channels=True) as file:
        channels = {name: channel.pixels for name, channel in file.channels().items()}
    assert set(channels) == {"R", "G", "B", "A", "Z"}
    assert channels["Z"][0, 0] > 1e9
    assert abs(channels["Z"][24, 32] * 1000 - steps[24, 32]) <= 1
    assert np.abs(channels["A"] * 255 - rgba[..., 3]).max() <= 1
    with av.open(str(exr.main), format="exr_pipe") as container:
        assert next(container.decode(video=0)).width == 64


async def test_a_copy_for_the_browser_lies_beside_the_frame(drawer: Drawer) -> None:
    output = await drawer.draw(1, web_copy=100, **SIZE)
    assert [(path.name, path.stat().st_size) for path in output.extra] == [("preview.splat", 3200)]


@pytest.mark.parametrize(
    ("settings", "number", "reason", "words"),
    [
        ({"cameras": {"type": "file", "path": "path.json"}}, 3, EndReason.MODEL_INVALID, "no camera for frame 3"),
        ({"cameras": {"type": "file", "path": "gone.json"}}, 1, EndReason.MODEL_INVALID, "no such file"),
        ({"cameras": {"type": "file", "path": "bent.json"}}, 1, EndReason.MODEL_INVALID, "ignore_distortion"),
        ({"width": 100_000, "height": 100_000}, 1, EndReason.ENGINE_ERROR, "not valid"),
        ({"device": "cuda"}, 1, EndReason.MODEL_INVALID, "CUDA"),
    ],
)
async def test_what_cannot_be_drawn_is_refused_and_the_engine_lives_on(
    drawer: Drawer,
    settings: dict[str, Any],
    number: int,
    reason: EndReason,
    words: str,
) -> None:
    if settings.get("device") == "cuda" and Path("/dev/nvidiactl").exists():
        pytest.skip("there may be a card")
    with pytest.raises(EngineError, match=words) as refusal:
        await drawer.draw(number, **settings)
    assert refusal.value.reason is reason
    assert (await drawer.draw(1, **SIZE)).main.is_file()


async def test_a_cloud_of_nothing_but_nan_is_refused_and_one_of_some_is_warned_about(drawer: Drawer) -> None:
    odd = drawer.models / "odd"
    cloud = make_cloud(50)
    cloud.means[:10] = np.nan
    write(odd, "some.ply", ply_bytes(cloud))
    cloud.means[:] = np.nan
    write(odd, "all.ply", ply_bytes(cloud))
    report = await drawer.host.load(ModelFiles(digest="1" * 64, root=odd, main="some.ply"))
    assert report.details["gaussians"] == 40
    assert "10 gaussians" in report.warnings[0]
    with pytest.raises(EngineError) as refusal:
        await drawer.host.load(ModelFiles(digest="2" * 64, root=odd, main="all.ply"))
    assert refusal.value.reason is EndReason.MODEL_INVALID
    await drawer.host.load(drawer.ball)


class TestProbe:
    async def test_it_tells_frames_size_and_cameras(self, ball: ModelFiles, tmp_path: Path) -> None:
        write(ball.root, "notes.json", b'{"a": 1}')
        report = await probe(ball.root, "ball.ply", tmp_path)
        assert (report.frame_start, report.frame_end) == (1, 120)  # of the orbit: of two files the job has to choose
        assert report.resolution == (1280, 720, 100)
        assert report.cameras == ("bent.json", "path.json")
        assert report.details["gaussians"] == 300
        assert report.details["camera_sizes"] == ("100x50", "90x60")
        facts = report.model_dump(mode="json")
        check = get_pipeline("splats").check_scene
        check(SplatsSettings(), facts)
        check(of_file("path.json"), facts)
        for name, words in (("bent.json", "distorted"), ("notes.json", "neither"), ("none.json", "no camera file")):
            with pytest.raises(InvalidInput, match=words):
                check(of_file(name), facts)

    @pytest.mark.parametrize(
        ("name", "data", "words"),
        [
            ("huge.ply", ply_bytes(make_cloud(4), claimed=10**9), "claims 1000000000"),
            ("cut.ply", ply_bytes(make_cloud(40))[:-1], "holds"),
            ("cut.spz", spz_bytes(make_cloud(40))[:-9], "cut off|damaged"),
            ("junk.splat", b"x" * 33, "multiple"),
            ("junk.sog", b"PK\x03\x04" + bytes(100), "SOG"),
        ],
    )
    async def test_a_hostile_cloud_is_refused_in_words(
        self, tmp_path: Path, name: str, data: bytes, words: str
    ) -> None:
        root = tmp_path / "hostile"
        write(root, name, data)
        with pytest.raises(ModelInvalid, match=words) as refusal:
            await probe(root, name, tmp_path)
        assert refusal.value.remedy


def of_file(name: str) -> SplatsSettings:
    return SplatsSettings.model_validate({"cameras": {"type": "file", "path": name}})


async def probe(root: Path, main: str, tmp_path: Path) -> ProbeReport:
    names = sorted(path.name for path in root.iterdir())
    files = tuple(
        ManifestFile(path=name, digest=hashlib.sha256((root / name).read_bytes()).hexdigest(), size_bytes=1)
        for name in names
    )
    manifest = Manifest(kind=ModelKind.SPLATS, main=main, files=files)
    work = tmp_path / "probe-work"
    shutil.rmtree(work, ignore_errors=True)
    return await probe_model(
        ModelFiles(digest=manifest.digest(), root=root, main=main),
        pipeline=get_pipeline("splats"),
        manifest=manifest,
        workdir=work,
        settings=EngineSettings(),
    )
