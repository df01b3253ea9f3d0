"""Which device computes, in which precision, and how much memory it took.

Imported only in the child process, and there before every other module that imports torch: it sets its environment.
"""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before the libraries are imported, which read these once: nothing is looked up or sent, and no home folder is written.
os.environ.update(
    HF_HUB_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HOME=str(Path(os.environ.get("TMPDIR", "/tmp")) / "huggingface"),  # noqa: S108 - the child's own TMPDIR
    # Threads that wait for each other sleep instead of spinning: on cores that others use too, a tiny frame of two
    # threads took 0.7 s so, and 4.5 to 7 s spinning.
    OMP_WAIT_POLICY="PASSIVE",
    CUBLAS_WORKSPACE_CONFIG=":4096:8",  # what deterministic matrix products on CUDA need
)

import torch

from jobs.states import EndReason
from pipelines.diffusion.settings import Device, DiffusionSettings, Precision
from pipelines.errors import EngineError

_TYPES = {Precision.FP32: torch.float32, Precision.FP16: torch.float16, Precision.BF16: torch.bfloat16}


@dataclass(frozen=True, slots=True)
class Hardware:
    """Where weights lie, and the type of their numbers."""

    device: Device
    """Never ``auto``."""
    precision: Precision
    """Never ``auto``."""

    @classmethod
    def choose(cls, settings: DiffusionSettings) -> Hardware:
        """What a job's words mean here. Raises ``EngineError`` for what this machine cannot do."""
        cuda = torch.cuda.is_available()
        if settings.device is Device.CUDA and not cuda:
            raise EngineError(
                EndReason.MODEL_INVALID,  # no other try of it can go better: the job is pinned to this class of device
                "The job asks for CUDA, and this machine has no GPU that torch can use.",
                remedy="Use device 'cpu' or 'auto', or give the job to a pool with GPUs.",
            )
        device = Device.CUDA if cuda and settings.device is not Device.CPU else Device.CPU
        precision = settings.dtype
        if precision is Precision.AUTO:
            precision = Precision.FP16 if device is Device.CUDA else Precision.FP32
        if precision is Precision.FP16 and device is Device.CPU:
            raise EngineError(
                EndReason.MODEL_INVALID,
                "The job asks for fp16, and this machine has no GPU that torch can use.",
                remedy="Use dtype 'auto', 'fp32' or 'bf16', or give the job to a pool with GPUs.",
            )
        return cls(device, precision)

    @property
    def torch_type(self) -> torch.dtype:
        return _TYPES[self.precision]

    @property
    def label(self) -> str:
        """For the record: ``CPU``, or the kind and name of the card."""
        return "CPU" if self.device is Device.CPU else f"CUDA: {torch.cuda.get_device_name()}"

    def begin_frame(self) -> None:
        """From here on ``memory`` counts."""
        if self.device is Device.CUDA:
            torch.cuda.reset_peak_memory_stats()

    def memory(self) -> dict[str, Any]:
        """Peak bytes of this process's RAM so far, and of video memory since ``begin_frame`` where there is some."""
        figures = {"peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024}
        if self.device is Device.CUDA:
            figures["peak_vram_bytes"] = torch.cuda.max_memory_allocated()
            figures["reserved_vram_bytes"] = torch.cuda.memory_reserved()
        return figures


def is_out_of_memory(error: Exception) -> bool:
    """Whether the card or the machine had no more; for RAM torch has no error class of its own."""
    return isinstance(error, MemoryError | torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error)


def noise_source(seed: int) -> torch.Generator:
    """On the CPU wherever the rest is computed: the same seed gives the same noise on every device."""
    return torch.Generator("cpu").manual_seed(seed)


def free_video_memory() -> None:
    """Give back what torch keeps of a model that is gone."""
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def prepare_torch() -> None:
    """The same bits for the same seed, on the cores that the farm gives."""
    torch.set_num_threads(int(os.environ.get("RAYFARM_ENGINE_THREADS") or len(os.sched_getaffinity(0))))
    torch.use_deterministic_algorithms(True, warn_only=True)  # what has no such variant says so in the frame's log
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = False  # fp32 means 32 bits; who wants speed has fp16
    torch.set_grad_enabled(False)
