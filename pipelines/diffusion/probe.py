"""The engine of a throwaway process: opens one uploaded model, reports what is in it, and makes no picture."""

from __future__ import annotations

import time

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.diffusion.hardware import Hardware, prepare_torch
from pipelines.diffusion.settings import Device, DiffusionSettings
from pipelines.diffusion.weights import check_files, open_weights
from pipelines.errors import EngineError

_FRAMES = (1, 1)
"""A model has no frames of its own."""
_FPS = 24.0
"""Nor a speed; that of a film made from it where the job names none."""


class ProbeEngine:
    """Its ``LoadReport.details`` are the facts that ``models.probe.SceneFacts`` describes."""

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        folder = check_files(model)
        weights = open_weights(model, folder, Hardware.choose(DiffusionSettings(prompt="", device=Device.CPU)))
        width, height = weights.native_size
        return LoadReport(
            seconds=time.perf_counter() - begun,
            details={
                "frame_start": _FRAMES[0],
                "frame_end": _FRAMES[1],
                "fps": _FPS,
                "resolution": (width, height, 100),
                "engine": folder.index.pipeline_class,
                "details": {
                    "family": folder.index.family.value,
                    "scheduler": weights.scheduler_class,
                    "weight_bytes": folder.weight_bytes,
                    "half_precision_only": folder.half,
                    "loras": list(folder.loras),
                    "pictures": list(folder.pictures),
                },
            },
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise EngineError(EndReason.INFRA, "A probe renders nothing.")


def create_engine() -> ProbeEngine:
    prepare_torch()
    return ProbeEngine()
