"""Building gsplat's kernels beside it: what is compiled, and what is said where it cannot be."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pipelines.registry import get_pipeline
from pipelines.splats import build_cuda, cuda, pipeline


@pytest.fixture
def gsplat(tmp_path: Path) -> Path:
    """A package with the layout of gsplat 1.5.3's wheel."""
    for name in (
        "cuda/ext.cpp",
        "cuda/csrc/A.cpp",
        "cuda/csrc/B.cu",
        "cuda/csrc/B.cuh",
        "cuda/csrc/third_party/glm/c.cpp",
    ):
        path = tmp_path / "gsplat" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "gsplat"


def test_the_sources_are_those_that_the_installed_gsplat_would_compile_itself() -> None:
    folder = build_cuda.gsplat_folder()
    assert folder is not None
    own = {
        *(folder / "cuda" / "csrc").glob("*.cu"),
        *(folder / "cuda" / "csrc").glob("*.cpp"),
        folder / "cuda" / "ext.cpp",
    }

    assert set(build_cuda.sources_of(folder)) == own
    assert len(own) > 10


def test_a_failed_build_leaves_what_was_there_and_no_folder(gsplat: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build_cuda.built(gsplat).write_bytes(b"of before")
    monkeypatch.delenv("CUDA_HOME", raising=False)

    with pytest.raises((OSError, RuntimeError)):  # of torch: there is no CUDA here, or these sources hold no module
        build_cuda.build(gsplat)

    assert sorted(path.name for path in gsplat.iterdir()) == ["csrc.so", "cuda"]
    assert build_cuda.built(gsplat).read_bytes() == b"of before"


def test_the_command_says_what_a_build_needs_where_there_is_no_compiler() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CUDA")}
    environment["PATH"] = str(Path(sys.executable).parent)
    ended = subprocess.run(
        [sys.executable, "-m", "pipelines.splats.build_cuda"],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )

    assert ended.returncode == 1
    assert "They need nvcc" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_engine_never_compiles_kernels_and_says_how_to_build_them(
    monkeypatch: pytest.MonkeyPatch, gsplat: Path
) -> None:
    torch: Any = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(cuda, "gsplat_folder", lambda: gsplat)

    reason = cuda.why_not()

    assert reason == "gsplat's kernels are not built (python -m pipelines.splats.build_cuda)"


def test_the_engines_version_names_gsplat_only_where_its_kernels_are_built(
    monkeypatch: pytest.MonkeyPatch, gsplat: Path
) -> None:
    monkeypatch.setattr(pipeline, "gsplat_folder", lambda: gsplat)
    without = get_pipeline("splats").engine_version()
    build_cuda.built(gsplat).touch()
    with_kernels = get_pipeline("splats").engine_version()

    assert without is not None
    assert with_kernels is not None
    assert "gsplat" not in without
    assert ", gsplat 1." in with_kernels
