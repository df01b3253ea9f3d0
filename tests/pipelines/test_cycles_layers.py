"""View layers, passes and multilayer files; motion blur, adaptive sampling and devices of a frame."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from PIL import Image

from jobs.spec import Split, SplitMode
from pipelines.base import FrameOutput, FramePart, FrameRequest
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.cycles.settings import CyclesSettings
from pipelines.errors import EngineError
from pipelines.host import EngineHost
from pipelines.post.display import read_srgb
from pipelines.post.pixels import BadPicture, PictureFacts
from pipelines.post.verify import verify_picture
from tests.pipelines.conftest import StartEngine, blend, run_blender

Frame = Callable[..., FrameRequest]
MULTILAYER: dict[str, Any] = {"format": "exr", "multilayer": True, "color_depth": 32, "samples": 2}
PREVIEW_LEVELS = 1
"""Of 255: FFmpeg, which reads the file of one layer, goes by way of 16-bit integers."""


def channels(path: Path) -> dict[str, np.ndarray[Any, Any]]:
    """Every channel of every part: ``File.channels`` shows the first part alone."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels.copy() for part in file.parts for name, channel in part.channels.items()}


def pixels(path: Path) -> bytes:
    return Image.open(path).tobytes()


async def tried(host: EngineHost, request: FrameRequest) -> tuple[FrameOutput | None, EngineError | None]:
    """What came, or why nothing did: a machine with a GPU answers otherwise than one without."""
    try:
        return await host.render(request), None
    except EngineError as error:
        return None, error


class TestMultilayer:
    @pytest.mark.parametrize("scene", ["strips", "edited-strip"])
    async def test_the_jobs_layers_and_passes_win_over_the_animation_of_the_scene(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, scene: str
    ) -> None:
        host = await start_engine("cycles", blend(scenes, scene), threads=1)
        output = await host.render(frame(3, **MULTILAYER, view_layers=["Extra Layer"], passes=["depth", "denoising"]))
        assert {name.partition(".")[0] for name in channels(output.main)} == {"Extra Layer"}
        assert {"Extra Layer.Depth.Z", "Extra Layer.Denoising Albedo.R"} <= channels(output.main).keys()
        untouched = channels((await host.render(frame(3, **MULTILAYER))).main)  # neither is inherited
        assert {name.partition(".")[0] for name in untouched} == {"ViewLayer"}

    async def test_layers_and_passes_are_channels_of_one_file(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wanted = ["depth", "normal", "cryptomatte_object", "denoising", "emission", "mist", "position"]
        output = await host.render(frame(3, **MULTILAYER, view_layers=["ViewLayer", "Extra Layer"], passes=wanted))
        found = channels(output.main)
        for layer in ("ViewLayer", "Extra Layer"):
            names = {
                *(f"Combined.{axis}" for axis in "RGBA"),
                *(f"Denoising Albedo.{axis}" for axis in "RGB"),
                *(f"{kind}.{axis}" for kind in ("Normal", "Position", "Denoising Normal") for axis in "XYZ"),
                *("Depth.Z", "Mist.Z", "CryptoObject00.r", "Emission.R"),
            }
            assert {f"{layer}.{name}" for name in names} <= found.keys()
        depth = found["ViewLayer.Depth.Z"]
        assert 5 < depth[18, 32] < 15, "the cube is some ten units before the camera"
        assert depth[0, 0] > 1e9, "and there is nothing behind it"
        with OpenEXR.File(str(output.main), header_only=True) as file:
            words = {name for part in file.parts for name in part.header if name.startswith("cryptomatte/")}
        assert any(name.endswith("/manifest") for name in words)

    async def test_a_multilayer_frame_is_checked_and_previewed_like_any_other(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wish = {"samples": 2, "format": "exr", "color_depth": 32}
        many = (await host.render(frame(3, **wish, multilayer=True, passes=["depth"]))).main
        one = (await host.render(frame(3, **wish))).main
        assert verify_picture(many, expected=(64, 36), decode_limit_bytes=1 << 24) == PictureFacts(64, 36)
        difference = np.abs(read_srgb(many).astype(int) - read_srgb(one).astype(int))
        assert difference.max() <= PREVIEW_LEVELS
        cut = tmp_path / "cut.exr"
        cut.write_bytes(many.read_bytes()[:-500])
        with pytest.raises(BadPicture, match="cut off"):
            verify_picture(cut, expected=None, decode_limit_bytes=1 << 24)

    async def test_passes_are_not_inherited_by_the_next_frame(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        wish = {**MULTILAYER, "view_layer": "ViewLayer"}
        before = channels((await host.render(frame(3, **wish))).main)
        assert set(before) == {f"ViewLayer.Combined.{axis}" for axis in "RGBA"}
        more = channels((await host.render(frame(3, **wish, passes=["depth"]))).main)
        assert set(more) - set(before) == {"ViewLayer.Depth.Z"}
        after = channels((await host.render(frame(3, **wish))).main)
        assert set(after) == set(before)
        assert all(np.array_equal(after[name], before[name]) for name in before)

    async def test_all_passes_are_merged_from_borders_bit_for_bit(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        layers = ["ViewLayer", "Extra Layer"]
        wish = {**MULTILAYER, "adaptive_sampling": False, "denoise": False, "view_layers": layers}
        wish["passes"] = ["depth", "cryptomatte_object"]
        whole = channels((await host.render(frame(3, **wish))).main)
        split = Split(mode=SplitMode.BORDERS, parts=2)
        parts = []
        for number in range(2):
            asked = frame(3, **wish)
            part = FramePart(number=number, of=2, mode=split.mode)
            request = FrameRequest(id=asked.id, frame=3, settings=wish, scratch=asked.scratch, part=part)
            parts.append((await host.render(request)).main)
        target = tmp_path / "merged.exr"
        settings = CyclesSettings.model_validate(wish)
        CyclesPipeline().check_split(settings, split)
        await asyncio.to_thread(CyclesPipeline().merge, parts, target, settings=settings, frame=3, split=split)
        merged = channels(target)
        assert merged.keys() == whole.keys()
        assert all(np.array_equal(merged[name], whole[name]) for name in whole)
        with OpenEXR.File(str(target), header_only=True) as file:
            assert any(name.startswith("cryptomatte/") for part in file.parts for name in part.header)

    async def test_an_unknown_layer_and_an_impossible_pass_are_named(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        with pytest.raises(EngineError, match="no view layer 'Beauty'"):
            await host.render(frame(1, view_layers=["ViewLayer", "Beauty"]))
        with pytest.raises(EngineError, match="no vector pass while motion blur"):
            await host.render(frame(1, **MULTILAYER, passes=["vector"], motion_blur=True))


class TestSampling:
    async def test_motion_blur_and_adaptive_sampling_are_those_of_blender(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        sharp = pixels((await host.render(frame(5, samples=16))).main)
        wish = {"samples": 16, "motion_blur": True, "shutter": 2, "adaptive_threshold": 0.5, "adaptive_min_samples": 4}
        blurred = pixels((await host.render(frame(5, **wish))).main)
        assert blurred != sharp
        by_hand = tmp_path / "hand.png"
        run_blender(
            "render_by_hand.py",
            scenes / "plain.blend",
            by_hand,
            5,
            *("cycles.samples=16", "render.use_motion_blur=True", "render.motion_blur_shutter=2"),
            *("cycles.adaptive_threshold=0.5", "cycles.adaptive_min_samples=4"),
        )
        assert blurred == pixels(by_hand)
        assert pixels((await host.render(frame(5, samples=16))).main) == sharp


class TestDevices:
    async def test_a_scene_set_to_a_gpu_says_what_rendered_it(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "gpu"), threads=1)
        output = await host.render(frame(1))
        assert output.metrics["scene_wants_gpu"] is True
        if output.metrics["device"] == "CPU":
            assert output.warnings == ("The scene is set to render on a GPU; this frame was rendered on the CPU.",)
        asked_for_cpu = await host.render(frame(1, device="cpu"))
        assert asked_for_cpu.warnings == ()

    @pytest.mark.parametrize("kind", ["gpu", "optix", "cuda", "hip", "oneapi"])
    async def test_a_device_that_is_not_there_is_refused(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, kind: str
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        output, refusal = await tried(host, frame(1, device=kind))
        if output is not None:
            assert output.metrics["device"] != "CPU", "a GPU frame was rendered on the CPU"
        else:
            assert f"asks for a GPU ({kind})" in str(refusal)

    async def test_a_denoiser_that_is_not_there_is_refused(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        output, refusal = await tried(host, frame(1, denoise=True, denoiser="optix"))
        assert output is not None or "denoiser optix" in str(refusal)
        assert (await host.render(frame(1, denoise=True, denoiser="openimagedenoise"))).main.exists()


class TestEevee:
    """Its frames are in ``tests/slow``: a software renderer compiles shaders for minutes on a busy machine."""

    def test_without_egl_it_is_refused_before_blender_would_abort(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pipelines.cycles import eevee

        monkeypatch.setattr(eevee, "EGL_LIBRARY", "libNoSuchEGL.so.1")
        eevee.egl_trouble.cache_clear()
        with pytest.raises(EngineError, match="cannot run EEVEE") as refusal:
            eevee.require_eevee()
        assert "libegl1" in str(refusal.value.remedy)
        eevee.egl_trouble.cache_clear()

    def test_without_a_driver_behind_egl_it_is_refused_too(self, tmp_path: Path) -> None:
        """A machine with libegl1 alone, as GLVND sees it where its list of vendors is empty."""
        code = (
            "from pipelines.cycles.eevee import require_eevee\n"
            "try:\n    require_eevee()\nexcept Exception as error:\n    print(error, error.remedy)\n"
        )
        (tmp_path / "none.json").write_text("{}")
        environment = {**os.environ, "__EGL_VENDOR_LIBRARY_FILENAMES": str(tmp_path / "none.json")}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
        assert "cannot run EEVEE" in done.stdout
        assert "libegl" in done.stdout


class TestSimulations:
    async def test_what_is_not_baked_is_refused_with_the_ways_out(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "cloth"), threads=1)
        with pytest.raises(EngineError, match=r"not baked: cloth of 'Grid'") as refusal:
            await host.render(frame(5))
        assert "pre_roll" in str(refusal.value.remedy)

    async def test_a_pre_roll_gives_the_frames_that_blender_gives_when_it_plays(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "cloth"), threads=1)
        played: dict[int, bytes] = {}
        for number, before in ((9, 8), (4, 3), (10, 5), (11, 0)):  # as a scout would jump about
            output = await host.render(frame(number, simulations="pre_roll"))
            assert output.metrics["frames_played"] == before
            played[number] = pixels(output.main)
        for number in (4, 9, 11):
            by_hand = tmp_path / f"hand-{number}.png"
            run_blender("render_by_hand.py", scenes / "cloth.blend", by_hand, number, "play_from=1")
            assert played[number] == pixels(by_hand), number
        fresh = await start_engine("cycles", blend(scenes, "cloth"), threads=1)
        as_it_stands = await fresh.render(frame(9, simulations="as_is"))
        assert pixels(as_it_stands.main) != played[9]
