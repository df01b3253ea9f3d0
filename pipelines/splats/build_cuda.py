"""`python -m pipelines.splats.build_cuda`: build gsplat's kernels beside it, for every engine of this machine or image.

The wheel of gsplat holds sources only. Left alone it would compile them at the first import, which an engine cannot do:
it may not write there, run a compiler or wait for minutes. So an engine takes what this has built, or has no CUDA.
Needs nvcc and a C++ compiler, and a card unless TORCH_CUDA_ARCH_LIST names what to build for (PyTorch's own
setting: "8.0;9.0+PTX").
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

KERNELS = "csrc"
"""The module of which gsplat says ``from gsplat import csrc`` before it thinks of compiling."""
_FLAGS = ("-O3", "-Wno-attributes")
_CUDA_FLAGS = ("-O3", "-use_fast_math")
"""As gsplat 1.5.3 builds itself (gsplat/cuda/_backend.py)."""


def gsplat_folder() -> Path | None:
    """Where gsplat is installed; None: it is not."""
    spec = importlib.util.find_spec("gsplat")
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def built(gsplat: Path) -> Path:
    """The compiled kernels of the gsplat in that folder, whether they are there or not."""
    return gsplat / f"{KERNELS}.so"


def sources_of(gsplat: Path) -> list[Path]:
    """What is compiled of the gsplat in that folder."""
    folder = gsplat / "cuda"
    return [*sorted((folder / "csrc").glob("*.cpp")), *sorted((folder / "csrc").glob("*.cu")), folder / "ext.cpp"]


def build(gsplat: Path) -> Path:
    """Compile, replace what was there, and return the file. Raises ``OSError``, ``RuntimeError``: the compiler's."""
    cpp_extension: Any = importlib.import_module("torch.utils.cpp_extension")
    headers = (gsplat / "cuda" / "include", gsplat / "cuda" / "csrc" / "third_party" / "glm")
    with tempfile.TemporaryDirectory(prefix=".building-", dir=gsplat) as scratch:  # beside it: the end is a rename
        cpp_extension.load(
            name=KERNELS,
            sources=[str(path) for path in sources_of(gsplat)],
            extra_cflags=list(_FLAGS),
            extra_cuda_cflags=list(_CUDA_FLAGS),
            extra_include_paths=[str(path) for path in headers],
            build_directory=scratch,
        )
        return (Path(scratch) / f"{KERNELS}.so").replace(built(gsplat))


def main() -> int:
    gsplat = gsplat_folder()
    if gsplat is None:
        sys.stderr.write("gsplat is not installed. Install rayfarm[splats] and torch.\n")
        return 1
    os.environ.setdefault("MAX_JOBS", str(len(os.sched_getaffinity(0))))  # of ninja
    try:
        sys.stdout.write(f"{build(gsplat)}\n")
    except (OSError, RuntimeError) as error:
        sys.stderr.write(f"{error}\ngsplat's kernels are not built. They need nvcc of torch's CUDA version, and g++.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
