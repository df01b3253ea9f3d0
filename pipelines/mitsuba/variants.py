"""Which variant of Mitsuba renders, and on what. A device that is asked for and not there is refused."""

from __future__ import annotations

import ctypes
import importlib
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jobs.states import EndReason
from pipelines.errors import EngineError
from pipelines.mitsuba.settings import Variant

_LLVM: tuple[str, ...] = (
    *(f"/usr/lib/{machine}-linux-gnu/libLLVM.so.19.1" for machine in ("x86_64", "aarch64")),
    "/usr/lib/llvm-19/lib/libLLVM.so.19.1",
    "/usr/lib64/libLLVM.so.19.1",
)
"""By full path: Dr.Jit's own search finds LLVM 15 or 16 too, which abort the process at the first kernel."""
_LLVM_NAME = re.compile(r"^libLLVM(\.so\.19(\.\d+)*|-19\.so(\.\d+)*)$")
_LLVM_SETTING = "DRJIT_LIBLLVM_PATH"
_GPUS = Path("/proc/driver/nvidia/gpus")
_GPU_GONE = "Use variant 'auto' or an llvm or scalar one, or give the job to a pool with GPUs."
_LLVM_GONE = "Install libllvm19 (Debian) or name it in DRJIT_LIBLLVM_PATH, or use variant 'auto' or a scalar one."


@dataclass(frozen=True, slots=True)
class Choice:
    """What renders."""

    variant: str
    device: str
    """Name for the record: ``CPU``, or the GPU's."""


class Mitsuba:
    """The library in this process. Its types differ by variant, so nothing here is typed more closely."""

    def __init__(self) -> None:
        home = tempfile.gettempdir()  # the engine's own folder
        os.environ["DRJIT_CACHE_DIR"] = str(Path(home) / "drjit")
        os.environ["HOME"] = home
        self._llvm = llvm_here()
        os.environ[_LLVM_SETTING] = self._llvm or "none"  # never what Dr.Jit would find by itself
        self.mi: Any = importlib.import_module("mitsuba")
        self.dr: Any = importlib.import_module("drjit")
        self.dr.set_thread_count(int(os.environ.get("RAYFARM_ENGINE_THREADS") or len(os.sched_getaffinity(0))))

    def choose(self, wanted: Variant) -> Choice:
        """Switch to the variant that ``wanted`` means here. Raises ``EngineError`` where there is none."""
        if wanted in (Variant.AUTO, Variant.AUTO_SPECTRAL):
            colours = "rgb" if wanted is Variant.AUTO else "spectral"
            backend = "cuda_ad" if _has_cuda() else "llvm_ad" if self._llvm else "scalar"
            return self._use(f"{backend}_{colours}")
        if wanted.startswith("cuda") and not _has_cuda():
            raise _refused(f"The job asks for {wanted}, and this machine has no NVIDIA GPU.", _GPU_GONE)
        if wanted.startswith("llvm") and not self._llvm:
            raise _refused(f"The job asks for {wanted}, and LLVM 19 is not installed here.", _LLVM_GONE)
        return self._use(str(wanted))

    def _use(self, variant: str) -> Choice:
        cuda = variant.startswith("cuda")
        if self.mi.variant() != variant:
            try:
                self.mi.set_variant(variant)
            except (ImportError, RuntimeError) as error:
                raise _refused(f"Mitsuba cannot use {variant}: {error}", _GPU_GONE if cuda else _LLVM_GONE) from error
        return Choice(variant, _gpu_name() if cuda else "CPU")


def llvm_here() -> str | None:
    """Path of the LLVM that engines of this machine compute with; None: they have none."""
    return find_llvm(os.environ.get(_LLVM_SETTING))


def find_llvm(asked: str | None) -> str | None:
    """Path of an LLVM 19: the one asked for, if it is one, else where systems keep it. By name only: none is loaded."""
    wanted: list[str] = [] if asked is None else [asked]
    for path in [*wanted, *_LLVM]:
        if _LLVM_NAME.match(Path(path).name) and Path(path).is_file():
            return path
    return None


def _has_cuda() -> bool:
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    count = ctypes.c_int()
    return driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0 and count.value > 0


def _gpu_name() -> str:
    for facts in sorted(_GPUS.glob("*/information")):
        found = re.search(r"^Model:\s*(.+)$", facts.read_text(), re.MULTILINE)
        if found:
            return f"CUDA: {found[1]}"
    return "CUDA"


def _refused(message: str, remedy: str) -> EngineError:
    return EngineError(EndReason.MODEL_INVALID, message, remedy=remedy)  # no other try can go better: as in Cycles
