"""`make gpu-check` takes neither silence nor the CPU's own picture for a GPU's."""

from __future__ import annotations

from ctypes.util import find_library
from pathlib import Path
from typing import Any

import pytest

from loadtests.gpu_check import cycles, mitsuba
from loadtests.gpu_variant import Shot, Variant, agrees, compare
from loadtests.gpu_verdicts import AGREES, DIFFERS, NO_GPU, verdict_of
from pipelines.base import ModelFiles
from pipelines.registry import get_pipeline


def variant(folder: Path, *, gpu: dict[str, Any] | None = None, **more: Any) -> Variant:
    """Of the fake pipeline, which knows no GPU."""
    (folder / "model").mkdir(exist_ok=True)
    (folder / "model" / "model.json").write_text("{}")
    model = ModelFiles(digest="0" * 64, root=folder / "model", main="model.json")
    shots = [Shot(name=f"frame {frame}", model=model, settings={}, frame=frame) for frame in (1, 2)]
    return Variant(pipeline="fake", name="gpu", gpu=gpu or {}, cpu={}, shots=shots, min_psnr_db=30.0, **more)


class TestAgrees:
    def test_a_frame_that_the_cpu_made_is_none_of_the_gpu_s(self, tmp_path: Path) -> None:
        assert not agrees(variant(tmp_path), device="CPU", psnr_db=60.0)
        assert agrees(variant(tmp_path), device="CUDA H100", psnr_db=30.0)
        assert not agrees(variant(tmp_path), device="CUDA H100", psnr_db=29.9)

    def test_equal_to_the_last_bit_is_suspect_where_kernels_round_differently(self, tmp_path: Path) -> None:
        assert agrees(variant(tmp_path), device="CUDA H100", psnr_db=float("inf"))
        assert not agrees(variant(tmp_path, never_equal=True), device="CUDA H100", psnr_db=float("inf"))

    def test_one_that_differs_fails_all_and_none_at_all_is_no_success(self) -> None:
        assert verdict_of([AGREES, NO_GPU]) == AGREES
        assert verdict_of([AGREES, DIFFERS, NO_GPU]) == DIFFERS
        assert verdict_of([NO_GPU, NO_GPU]) == NO_GPU


class TestCompare:
    async def test_frames_of_both_devices_are_rendered_compared_and_timed(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await compare(variant(tmp_path), tmp_path) == DIFFERS  # the CPU made both
        said = capsys.readouterr().out
        assert "fake gpu frame 2 on CPU" in said
        assert "inf dB apart (at least 30)" in said
        assert "frames/s on the GPU" in said

    async def test_an_engine_that_breaks_is_no_machine_without_a_gpu(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await compare(variant(tmp_path, gpu={"fail_frames": [1]}), tmp_path) == DIFFERS
        assert "fake gpu: the engine failed on the GPU: " in capsys.readouterr().out

    @pytest.mark.skipif(find_library("cuda") is not None, reason="this machine may have a GPU")
    async def test_an_engine_that_finds_no_gpu_says_so(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert await compare(next(mitsuba(tmp_path)), tmp_path) == NO_GPU
        assert "mitsuba rgb: no GPU: " in capsys.readouterr().out


@pytest.mark.parametrize("make", [cycles, mitsuba])
def test_the_shots_are_settings_that_the_pipeline_takes(make: Any, tmp_path: Path) -> None:
    for each in make(tmp_path):
        settings_type = get_pipeline(each.pipeline).settings_type
        for shot in each.shots:
            assert shot.model.main_path.is_file()
            for side in (each.gpu, each.cpu):
                settings_type.model_validate({**shot.settings, **side})
