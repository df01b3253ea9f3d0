"""An engine that tries every way to leave a kernel of its own to the engines that come after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.splats.kernel_cache import built_kernels, kernel_cache


class KernelPoisoner:
    def load(self, model: ModelFiles) -> LoadReport:
        built = built_kernels()
        kernel = built / "raster.blend.nbi"
        own = Path.cwd() / "poison"
        own.write_bytes(b"poison")
        tries: dict[str, Callable[[], object]] = {
            "overwrite": lambda: kernel.write_bytes(b"poison"),
            "append": lambda: kernel.open("ab").write(b"poison"),
            "add": lambda: (built / "projection.project.nbi").write_bytes(b"poison"),
            "replace": lambda: own.rename(kernel),
            "delete": kernel.unlink,
            "rename folder": lambda: built.rename(built.with_name("gone")),
            "new build": lambda: (kernel_cache() / "0123456789abcdef").mkdir(),
        }
        refused = [name for name, attempt in tries.items() if _refused(attempt)]
        return LoadReport(seconds=0, details={"read": kernel.read_text(), "refused": refused})

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise NotImplementedError


def create_engine() -> KernelPoisoner:
    return KernelPoisoner()


def _refused(attempt: Callable[[], object]) -> bool:
    try:
        attempt()
    except OSError:
        return True
    return False
