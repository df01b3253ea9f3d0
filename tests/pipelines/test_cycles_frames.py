"""Frames of the Cycles engine against frames of Blender run by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from PIL import Image

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest
from pipelines.errors import EngineError
from tests.pipelines.conftest import StartEngine, blend, run_blender

Frame = Callable[..., FrameRequest]


def pixels(path: Path) -> tuple[tuple[int, int], str, bytes]:
    image = Image.open(path)
    return image.size, image.mode, image.tobytes()


def by_hand(scenes: Path, tmp_path: Path, scene: str, frame: int, *assignments: str) -> tuple[Any, ...]:
    output = tmp_path / f"hand-{scene}-{frame}-{len(list(tmp_path.iterdir()))}.png"
    run_blender("render_by_hand.py", scenes / f"{scene}.blend", output, frame, *assignments)
    return pixels(output)


class TestEqualToBlenderByHand:
    async def test_pixels_are_bit_equal_and_the_scene_stays_resident(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"))
        first, second = await asyncio.gather(host.render(frame(3)), host.render(frame(4, seed=99, samples=2)))
        assert pixels(first.main) == by_hand(scenes, tmp_path, "plain", 3)
        assert pixels(second.main) == by_hand(scenes, tmp_path, "plain", 4, "cycles.seed=99", "cycles.samples=2")
        assert second.metrics["samples"] == 2
        assert second.metrics["device"] == "CPU"
        assert set(second.timings_ms) == {"frame_set", "render", "write"}

    async def test_denoise_resolution_border_and_camera_are_those_of_blender(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"))
        border = {"xmin": 0.25, "xmax": 0.75, "ymin": 0.5, "ymax": 1.0}
        output = await host.render(frame(2, denoise=True, resolution_x=48, percentage=50, border=border))
        assert pixels(output.main) == by_hand(
            scenes,
            tmp_path,
            "plain",
            2,
            "cycles.use_denoising=True",
            "render.resolution_x=48",
            "render.resolution_percentage=50",
            "render.use_border=True",
            "render.border_min_x=0.25",
            "render.border_max_x=0.75",
            "render.border_min_y=0.5",
        )

    async def test_threads_do_not_change_pixels(self, start_engine: StartEngine, scenes: Path, frame: Frame) -> None:
        one = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        two = await start_engine("cycles", blend(scenes, "plain"), threads=2)
        assert pixels((await one.render(frame(5))).main) == pixels((await two.render(frame(5))).main)


class TestSettingsOfAResidentScene:
    async def test_an_engine_of_fewer_threads_than_cores_sleeps_between_frames(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        """Threads that were started and then not allowed would spin, on cores that are others' (oneTBB issue 1417)."""
        host = await start_engine("cycles", blend(scenes, "plain"), threads=1)
        await host.render(frame(3))
        await asyncio.sleep(0.5)
        engine = psutil.Process(host.pid)
        before = engine.cpu_times()
        await asyncio.sleep(2)
        after = engine.cpu_times()
        assert after.user + after.system - before.user - before.system < 0.2  # seconds; one that spins takes two

    async def test_a_changed_setting_takes_effect_and_the_next_job_does_not_inherit_it(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"))
        untouched = pixels((await host.render(frame(3))).main)
        wishes: list[dict[str, Any]] = [
            {"samples": 1},
            {"seed": 3},
            {"denoise": True},
            {"adaptive_sampling": False, "samples": 3},
            {"camera": "Second Camera"},
            {"resolution_x": 32},
            {"percentage": 50},
            {"border": {"xmin": 0, "xmax": 0.5, "ymin": 0, "ymax": 0.5, "crop": True}},
            {"color_depth": 16},
            {"format": "jpeg", "quality": 20},
            {"view_layer": "Extra Layer", "seed": 4},
        ]
        for wish in wishes:
            changed = pixels((await host.render(frame(3, **wish))).main)
            assert changed != untouched, wish
            assert pixels((await host.render(frame(3))).main) == untouched, f"{wish} was inherited"

    @pytest.mark.parametrize("scene", ["animated", "strips", "edited-strip"])
    async def test_a_setting_wins_over_the_animation_of_the_scene(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, scene: str
    ) -> None:
        host = await start_engine("cycles", blend(scenes, scene))
        scene_says = pixels((await host.render(frame(3))).main)
        job_says = await host.render(frame(3, samples=1))
        assert job_says.metrics["samples"] == 1
        assert pixels(job_says.main) != scene_says
        again = await host.render(frame(3))
        assert again.metrics["samples"] == 4
        assert pixels(again.main) == scene_says

    async def test_a_camera_setting_wins_over_a_marker(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "markers"))
        marked = pixels((await host.render(frame(3))).main)
        asked = pixels((await host.render(frame(3, camera="Camera"))).main)
        assert asked != marked
        assert pixels((await host.render(frame(3))).main) == marked

    async def test_another_scene_replaces_the_resident_one(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "plain"))
        before = pixels((await host.render(frame(3, seed=5))).main)
        await host.load(blend(scenes, "external_found"))
        assert pixels((await host.render(frame(3))).main) != before
        await host.load(blend(scenes, "plain"))
        assert pixels((await host.render(frame(3, seed=5))).main) == before


class TestFormats:
    @pytest.mark.parametrize(
        ("wish", "signature"),
        [
            ({"format": "png", "color_depth": 16}, b"\x89PNG"),
            ({"format": "jpeg"}, b"\xff\xd8\xff"),
            ({"format": "exr"}, b"\x76\x2f\x31\x01"),
            ({"format": "exr", "color_depth": 32}, b"\x76\x2f\x31\x01"),
        ],
    )
    async def test_each_format_is_written(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, wish: dict[str, Any], signature: bytes
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "movie"))
        output = await host.render(frame(1, **wish))
        assert output.main.read_bytes().startswith(signature)
        assert [path.name for path in output.main.parent.iterdir()] == [output.main.name]

    async def test_a_scene_set_to_a_movie_gives_the_same_picture(
        self, start_engine: StartEngine, scenes: Path, frame: Frame
    ) -> None:
        host = await start_engine("cycles", blend(scenes, "movie"))
        movie: FrameOutput = await host.render(frame(1))
        await host.load(blend(scenes, "plain"))
        still = await host.render(frame(1))
        assert Image.open(movie.main).convert("RGB").tobytes() == Image.open(still.main).convert("RGB").tobytes()


class TestRefusals:
    @pytest.mark.parametrize(
        ("scene", "wish", "words"),
        [
            ("no_camera", {}, "no active camera"),
            ("plain", {"camera": "Cube"}, "It has: Camera, Second Camera"),
            ("plain", {"view_layer": "Beauty"}, "It has: Extra Layer, ViewLayer"),
            ("plain", {"device": "gpu"}, "asks for a GPU"),
            ("plain", {"resolution_y": 65536, "percentage": 1000}, "pixels; at most"),
        ],
    )
    async def test_a_frame_that_cannot_be_is_refused_with_the_remedy(
        self, start_engine: StartEngine, scenes: Path, frame: Frame, scene: str, wish: dict[str, Any], words: str
    ) -> None:
        host = await start_engine("cycles", blend(scenes, scene))
        with pytest.raises(EngineError, match=words) as refusal:
            await host.render(frame(1, **wish))
        assert refusal.value.remedy
        assert host.alive

    async def test_a_model_that_cannot_be_is_refused_at_the_load(
        self, start_engine: StartEngine, scenes: Path, tmp_path: Path
    ) -> None:
        host = await start_engine("cycles")
        (tmp_path / "text.blend").write_text("this is not a scene")
        (tmp_path / "cut.blend").write_bytes((scenes / "plain.blend").read_bytes()[:2000])
        for folder, name in ((scenes, "stereo"), (tmp_path, "text"), (tmp_path, "cut"), (tmp_path, "absent")):
            with pytest.raises(EngineError) as refusal:
                await host.load(blend(folder, name))
            assert refusal.value.reason is EndReason.MODEL_INVALID
        assert host.alive
