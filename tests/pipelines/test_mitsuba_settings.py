"""What a job may ask of Mitsuba, and what it is told when it asks wrongly; camera paths, passes, merges of parts."""

from __future__ import annotations

import itertools
import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from jobs.errors import InvalidInput
from jobs.spec import JobSpec, Split, SplitMode
from pipelines.base import AdvisesSplit, FramePart
from pipelines.mitsuba import variants
from pipelines.mitsuba.camera_path import Keyframes, Orbit
from pipelines.mitsuba.merge import merge_parts, write_part
from pipelines.mitsuba.picture import Layers, read_exr, write_picture
from pipelines.mitsuba.sampling import PASS_RAYS, plan_passes, share
from pipelines.mitsuba.settings import MitsubaSettings
from pipelines.mitsuba.variants import find_llvm
from pipelines.registry import get_pipeline
from pipelines.render_keys import render_key_of
from pipelines.sandbox import child_environment

KEY = {"frame": 1, "origin": [0, 0, 4], "target": [0, 0, 0]}
MITSUBA = get_pipeline("mitsuba")


class TestRefusals:
    @pytest.mark.parametrize(
        ("wish", "words"),
        [
            ({"samples": 4}, "Extra inputs are not permitted"),
            ({"denoise": True}, "Extra inputs are not permitted"),
            ({"variant": "llvm_mono_polarized"}, "'auto'"),
            ({"width": 100_000, "height": 100_000}, "less than or equal to 65536"),
            ({"width": 50_000, "height": 50_000}, "2500000000 pixels; at most 33177600"),
            ({"spp": 0}, "greater than or equal to 1"),
            ({"format": "tiff"}, "'png', 'jpeg' or 'exr'"),
            ({"format": "png", "color_depth": 16}, "png takes a color_depth of 8, not 16"),
            ({"quality": 90}, "quality is for jpeg only"),
            ({"aovs": ["depth"]}, "png has no place for them"),
            ({"format": "exr", "aovs": ["depth", "depth"]}, "names a layer twice"),
            ({"format": "exr", "aovs": ["heat"]}, "'albedo'"),
            ({"format": "exr", "exposure": 1}, "exr holds linear light"),
            ({"format": "exr", "tone_map": "srgb"}, "exr holds linear light"),
            ({"integrator": "bdpt"}, "'path'"),
            ({"integrator": "direct", "max_depth": 3}, "direct integrator has no max_depth"),
            ({"integrator": "ptracer", "format": "exr", "aovs": ["depth"]}, "ptracer"),
            ({"camera_path": {"kind": "keyframes", "keyframes": [KEY, KEY]}}, "each frame once"),
            ({"camera_path": {"kind": "keyframes", "keyframes": [KEY | {"target": [0, 0, 4]}]}}, "must differ"),
            ({"camera_path": {"kind": "keyframes", "keyframes": [KEY | {"up": [0, 0, 1]}]}}, "its own up"),
            ({"camera_path": {"kind": "keyframes", "keyframes": [KEY | {"roll": 1}]}}, "Extra inputs"),
            ({"camera_path": {"kind": "keyframes", "keyframes": [KEY, KEY | {"frame": 2, "fov": 30}]}}, "fov"),
            ({"camera_path": {"kind": "spline"}}, "'keyframes', 'orbit'"),
            ({"camera_path": {"kind": "orbit", "radius": float("nan"), "frames": 9}}, "radius"),
        ],
    )
    def test_a_bad_setting_is_named(self, wish: dict[str, Any], words: str) -> None:
        with pytest.raises(ValidationError, match=words):
            MitsubaSettings.model_validate(wish)

    def test_a_picture_that_the_scene_makes_too_large_is_refused_for_the_scene(self) -> None:
        with pytest.raises(ValueError, match="10000000000 pixels"):
            MITSUBA.check_scene(MitsubaSettings(), {"resolution": (100_000, 100_000, 100), "cameras": ["a"]})
        MITSUBA.check_scene(MitsubaSettings(width=8, height=8), {"resolution": (100_000, 100_000, 100)})

    def test_a_camera_that_the_scene_lacks_is_answered_with_those_it_has(self) -> None:
        with pytest.raises(InvalidInput, match="no camera 'side'") as raised:
            MITSUBA.check_scene(MitsubaSettings(camera="side"), {"cameras": ["front", "top"]})
        assert raised.value.remedy == "It has: front, top."

    @pytest.mark.parametrize(("spp", "words"), [(None, "how many"), (3, "3 samples cannot be shared out over 4")])
    def test_a_split_needs_a_sample_for_every_part(self, spp: int | None, words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            MITSUBA.check_split(MitsubaSettings(spp=spp), Split(mode=SplitMode.SAMPLES, parts=4))
        MITSUBA.check_split(MitsubaSettings(spp=4), Split(mode=SplitMode.SAMPLES, parts=4))

    def test_advice_says_what_a_split_gives_and_when_its_parts_are_small(self) -> None:
        split = Split(mode=SplitMode.SAMPLES, parts=4)
        assert isinstance(MITSUBA, AdvisesSplit)
        assert len(MITSUBA.split_advice(MitsubaSettings(spp=64), split)) == 1
        assert "8 samples" in MITSUBA.split_advice(MitsubaSettings(spp=32), split)[1]
        assert "settings.spp" in MITSUBA.split_advice(MitsubaSettings(), Split())[0]

    def test_only_llvm_19_is_ever_loaded(self, tmp_path: Path) -> None:
        for name in ("libLLVM-15.so.1", "libLLVM-16.so", "libLLVM.so", "libLLVM.so.19.1", "libLLVM.so.22.1"):
            (tmp_path / name).touch()
        good = str(tmp_path / "libLLVM.so.19.1")
        assert find_llvm(good) == good
        for name in ("libLLVM-15.so.1", "libLLVM-16.so", "libLLVM.so", "libLLVM.so.22.1", "absent/libLLVM.so.19.1"):
            assert not (find_llvm(str(tmp_path / name)) or "").startswith(str(tmp_path))


class TestCameraPath:
    def test_between_keyframes_the_camera_moves_evenly_and_outside_it_stands(self) -> None:
        path = Keyframes.model_validate(
            {"keyframes": [KEY | {"fov": 40}, KEY | {"frame": 5, "origin": [4, 0, 4], "fov": 60}]}
        )
        assert path.pose_at(2).origin == (1, 0, 4)
        assert path.pose_at(2).fov == 45
        assert path.pose_at(-100) == path.pose_at(1)
        assert path.pose_at(100).origin == (4, 0, 4)

    def test_a_smooth_path_meets_its_keyframes_and_turns_no_corner(self) -> None:
        keys = [(1, 0.0), (11, 1.0), (31, 5.0), (41, 5.0)]
        path = Keyframes.model_validate(
            {"keyframes": [KEY | {"frame": f, "origin": [x, 0, 4]} for f, x in keys], "interpolation": "smooth"}
        )
        assert [path.pose_at(frame).origin[0] for frame, _ in keys] == pytest.approx([x for _, x in keys])
        x = [path.pose_at(frame).origin[0] for frame in range(1, 42)]
        steps = [b - a for a, b in itertools.pairwise(x)]
        linear_corner = abs(4 / 20 - 1 / 10)
        assert max(abs(b - a) for a, b in itertools.pairwise(steps)) < linear_corner

    def test_a_way_through_the_target_is_refused_at_its_frame(self) -> None:
        path = Keyframes.model_validate({"keyframes": [KEY, KEY | {"frame": 3, "origin": [0, 0, -4]}]})
        with pytest.raises(ValueError, match="must differ"):
            path.pose_at(2)

    @pytest.mark.parametrize("axis", ["x", "y", "z"])
    def test_an_orbit_keeps_its_distance_and_height_and_closes(self, axis: str) -> None:
        path = Orbit.model_validate(
            {"kind": "orbit", "radius": 2, "elevation": 30, "frames": 8, "axis": axis, "target": [1, 2, 3]}
        )
        up = "xyz".index(axis)
        places = [path.pose_at(frame).origin for frame in range(1, 10)]
        assert all(math.dist(place, (1, 2, 3)) == pytest.approx(2) for place in places)
        assert all(place[up] - (1, 2, 3)[up] == pytest.approx(1) for place in places)
        assert places[8] == pytest.approx(places[0])
        assert math.dist(places[0], places[4]) == pytest.approx(4 * math.cos(math.radians(30)))


class TestPasses:
    @pytest.mark.parametrize(("samples", "pixels"), [(1, 1), (16, 64 * 64), (1000, 1920 * 1080), (3, 7680 * 4320)])
    def test_passes_have_all_samples_and_stay_below_their_limit(self, samples: int, pixels: int) -> None:
        passes = plan_passes(samples=samples, pixels=pixels, seed=5, part=None)
        assert sum(each.samples for each in passes) == samples
        assert all(each.samples == 1 or each.samples * pixels <= PASS_RAYS for each in passes)
        assert all(each.samples >= 1 for each in passes)
        assert passes[0].seed == 5

    def test_no_two_passes_of_a_frame_and_its_parts_share_a_seed(self) -> None:
        parts: list[int | None] = [None, *range(8)]
        seeds = [each.seed for part in parts for each in plan_passes(samples=64, pixels=PASS_RAYS, seed=3, part=part)]
        assert len(set(seeds)) == len(seeds) == 9 * 64
        assert all(0 <= seed < 2**32 for seed in seeds)

    def test_shares_are_whole_and_even(self) -> None:
        assert [share(10, part, 4) for part in range(4)] == [2, 3, 2, 3]


def layers(value: float, *, size: tuple[int, int] = (3, 5)) -> Layers:
    return {name: np.full(size, value * scale, np.float32) for name, scale in (("R", 1), ("G", 2), ("depth.T", 10))}


class TestMerge:
    EXR = MitsubaSettings(format="exr", color_depth=32)  # type: ignore[arg-type]

    def parts(self, folder: Path, *weighted: tuple[float, int], frame: int = 7) -> list[Path]:
        found = []
        for number, (value, samples) in enumerate(weighted):
            path = folder / f"part{number}.exr"
            part = FramePart(number=number, of=len(weighted), mode=SplitMode.SAMPLES)
            write_part(path, layers(value), frame=frame, part=part, samples=samples)
            found.append(path)
        return found

    def test_every_layer_is_the_mean_by_weight(self, tmp_path: Path) -> None:
        parts = self.parts(tmp_path, (1.0, 3), (5.0, 1))
        target = tmp_path / "out.exr"
        merge_parts(parts, target, settings=self.EXR, frame=7, split=Split(mode=SplitMode.SAMPLES, parts=2))
        merged, facts = read_exr(target)
        assert {name: float(values.flat[0]) for name, values in merged.items()} == {"R": 2, "G": 4, "depth.T": 20}
        assert facts == {}  # a frame carries nothing of its parts

    def test_the_same_parts_give_the_same_bytes(self, tmp_path: Path) -> None:
        parts = self.parts(tmp_path, (1.0, 3), (5.0, 1))
        for name in ("a.exr", "b.exr"):
            MITSUBA.merge(
                parts, tmp_path / name, settings=self.EXR, frame=7, split=Split(mode=SplitMode.SAMPLES, parts=2)
            )
        assert (tmp_path / "a.exr").read_bytes() == (tmp_path / "b.exr").read_bytes()

    def test_light_is_mapped_to_the_screen_after_the_merge(self, tmp_path: Path) -> None:
        rgb = [{name: np.full((2, 2), value, np.float32) for name in "RGB"} for value in (0.0, 4.0)]
        for number, each in enumerate(rgb):
            part = FramePart(number=number, of=2, mode=SplitMode.SAMPLES)
            write_part(tmp_path / f"{number}.exr", each, frame=1, part=part, samples=1)
        settings = MitsubaSettings(exposure=-2)
        files = [tmp_path / "0.exr", tmp_path / "1.exr"]
        split = Split(mode=SplitMode.SAMPLES, parts=2)
        merge_parts(files, tmp_path / "out.png", settings=settings, frame=1, split=split)
        with Image.open(tmp_path / "out.png") as image:
            assert image.getpixel((0, 0)) == (188, 188, 188)  # sRGB of 0.5; the mean of the mapped would be 128

    def test_parts_that_are_missing_swapped_damaged_or_of_another_frame_are_refused(self, tmp_path: Path) -> None:
        parts, target = self.parts(tmp_path, (1.0, 3), (5.0, 1)), tmp_path / "out.exr"
        split = Split(mode=SplitMode.SAMPLES, parts=2)
        for wrong, frame, words in (
            (parts[:1], 7, "it has 1 parts, not 2"),
            (parts[::-1], 7, "file 0 is not part 0"),
            (parts, 8, "file 0 is not part 0"),
        ):
            with pytest.raises(InvalidInput, match=words):
                merge_parts(wrong, target, settings=self.EXR, frame=frame, split=split)
        other = layers(1.0, size=(4, 5))
        write_part(parts[1], other, frame=7, part=FramePart(number=1, of=2, mode=SplitMode.SAMPLES), samples=1)
        with pytest.raises(InvalidInput, match="another size"):
            merge_parts(parts, target, settings=self.EXR, frame=7, split=split)
        parts[1].write_bytes(parts[0].read_bytes()[:200])
        with pytest.raises(InvalidInput, match=r"not a whole OpenEXR|cut off"):
            merge_parts(parts, target, settings=self.EXR, frame=7, split=split)
        assert not target.exists()


class TestPictures:
    def test_tone_maps_keep_what_they_promise(self, tmp_path: Path) -> None:
        light = {name: np.array([[0.0, 0.5, 1.0, 4.0]], np.float32) for name in "RGB"}
        found = {}
        for name in ("srgb", "reinhard"):
            write_picture(tmp_path / f"{name}.png", light, MitsubaSettings.model_validate({"tone_map": name}))
            found[name] = [pixel[0] for pixel in np.asarray(Image.open(tmp_path / f"{name}.png"))[0]]
        assert found["srgb"] == [0, 188, 255, 255]
        assert found["reinhard"] == [0, 156, 188, 231]  # 1/3, 1/2 and 4/5 of light: the highlight is not cut off

    def test_a_covered_pixels_colour_does_not_darken_with_its_alpha(self, tmp_path: Path) -> None:
        light = {name: np.full((1, 1), 0.25, np.float32) for name in "RGB"} | {"A": np.full((1, 1), 0.5, np.float32)}
        write_picture(tmp_path / "a.png", light, MitsubaSettings())
        with Image.open(tmp_path / "a.png") as image:
            assert image.getpixel((0, 0)) == (188, 188, 188, 128)

    def test_light_too_bright_for_16_bits_is_cut_off_and_not_infinite(self, tmp_path: Path) -> None:
        light = {name: np.full((1, 1), 1e6, np.float32) for name in "RGB"}
        write_picture(tmp_path / "a.exr", light, MitsubaSettings.model_validate({"format": "exr"}))
        assert read_exr(tmp_path / "a.exr")[0]["R"][0, 0] == 65504


class TestDescription:
    def test_what_the_scene_decides_is_left_out_of_the_pixel_settings(self) -> None:
        pixels = MITSUBA.pixel_settings(MitsubaSettings(spp=8))
        assert pixels == {"spp": 8, "variant": "auto", "format": "png", "pass_rays": PASS_RAYS}

    def test_the_size_is_known_where_the_settings_settle_it(self) -> None:
        assert MITSUBA.frame_size(MitsubaSettings(width=3, height=4)) == (3, 4)
        assert MITSUBA.frame_size(MitsubaSettings(width=3)) is None

    def test_a_machine_with_llvm_and_one_without_are_two_engines_and_share_no_frame(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        spec = JobSpec.model_validate({"pipeline": "mitsuba", "model": uuid4(), "frames": "1"})
        keys = {}
        for word, path in (("llvm", tmp_path / "libLLVM.so.19.1"), ("scalar", tmp_path / "libLLVM-15.so.1")):
            path.touch()
            monkeypatch.setattr(variants, "_LLVM", (str(path),))  # where a machine of this kind keeps it
            monkeypatch.delenv("DRJIT_LIBLLVM_PATH", raising=False)
            version = MITSUBA.engine_version()
            assert version is not None
            assert version.startswith("mitsuba 3.")
            assert version.endswith(f" {word}")
            keys[word] = render_key_of(spec, model_digest="0" * 64, engine_version=version, device_class="cpu")
        assert keys["llvm"] != keys["scalar"]

    def test_an_engine_sees_the_llvm_that_its_version_was_told_by(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        named = tmp_path / "libLLVM.so.19.1"
        named.touch()
        monkeypatch.setattr(variants, "_LLVM", ())
        monkeypatch.setenv("DRJIT_LIBLLVM_PATH", str(named))
        assert str(MITSUBA.engine_version()).endswith(" llvm")
        assert child_environment(source=os.environ, home=tmp_path)["DRJIT_LIBLLVM_PATH"] == str(named)

    def test_the_versions_of_all_engines_are_told_without_importing_one(self) -> None:
        code = (
            "import sys; from pipelines.registry import PIPELINES; [p.engine_version() for p in PIPELINES.values()];"
            "heavy = {'mitsuba', 'drjit', 'gsplat', 'torch', 'numba', 'diffusers', 'bpy'} & set(sys.modules);"
            "sys.exit(' '.join(heavy) or 0)"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr


def test_the_camera_paths_of_the_documentation_hold_and_go_on_as_it_says() -> None:
    page = (Path(__file__).parents[2] / "docs" / "pipelines" / "mitsuba.md").read_text()
    written = [json.loads(text) for text in re.findall(r"--set camera_path='(.*?)'", page, re.DOTALL)]
    keys, orbit = [MitsubaSettings.model_validate({"camera_path": each}).camera_path for each in written]
    assert isinstance(keys, Keyframes)
    assert isinstance(orbit, Orbit)
    assert keys.pose_at(1).origin == (0, 0, 3.9)
    assert keys.pose_at(36) == keys.pose_at(24)
    assert orbit.pose_at(49).origin == pytest.approx(orbit.pose_at(1).origin)
    assert orbit.pose_at(13).origin != pytest.approx(orbit.pose_at(12).origin)
