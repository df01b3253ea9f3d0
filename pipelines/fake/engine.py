"""The engine of the fake pipeline: waits, writes a PNG, and goes wrong where it is told to."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import signal
import sys
import threading
import time
from typing import Any

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback, Tally
from pipelines.errors import EngineError
from pipelines.fake.faults import strikes
from pipelines.fake.png import gradient_png
from pipelines.fake.settings import FakeSettings
from pipelines.fake.split import part_png

_STEPS = 10
"""Progress reports of a frame that takes time."""


class FakeEngine:
    """Holds no scene, only what the model file tells it to pretend."""

    def __init__(self) -> None:
        self._model: ModelFiles | None = None
        self._ballast = b""

    def load(self, model: ModelFiles) -> LoadReport:
        """The main file may be JSON: ``load_ms``, ``resident_bytes``, ``invalid``, ``crash``, ``warnings``."""
        begun = time.perf_counter()
        wishes = _wishes(model)
        time.sleep(float(wishes.get("load_ms", 0)) / 1000)
        if wishes.get("crash"):
            _die()
        if wishes.get("invalid"):
            raise EngineError(
                EndReason.MODEL_INVALID, "This fake model is invalid.", remedy="Register one without `invalid`."
            )
        self._ballast = b"\x01" * int(wishes.get("resident_bytes", 0))
        self._model = model
        return LoadReport(
            seconds=time.perf_counter() - begun, warnings=tuple(str(line) for line in wishes.get("warnings", ()))
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        if self._model is None:
            raise EngineError(EndReason.INFRA, "No model is loaded.")
        begun = time.perf_counter()
        settings = FakeSettings.model_validate(request.settings)
        part = request.part
        number = part.number if part is not None else None
        self._go_wrong(settings, request.frame, number)
        seconds = settings.render_ms / 1000 / (part.of if part is not None else 1)
        for step in range(_STEPS if seconds else 0):
            progress(step / _STEPS, f"step {step} of {_STEPS}", Tally(step, _STEPS, "steps"))
            time.sleep(max(0.0, begun + seconds * (step + 1) / _STEPS - time.perf_counter()))
        rendered = time.perf_counter()
        image = _picture(settings, request)
        if strikes("bad_output", settings.bad_output_frames, request.frame, settings.fault_key, number):
            image = image[: len(image) // 2]
        main = request.scratch / f"{request.frame:06d}.png"
        partial = main.with_suffix(".part")
        partial.write_bytes(image)
        partial.rename(main)
        return FrameOutput(
            main=main,
            timings_ms={"render": (rendered - begun) * 1000, "write": (time.perf_counter() - rendered) * 1000},
            metrics={
                "device": "CPU",
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "samples": settings.samples,
                "engine_version": "fake 1",
            },
        )

    def _go_wrong(self, settings: FakeSettings, frame: int, part: int | None) -> None:
        key = settings.fault_key
        if strikes("fail", settings.fail_frames, frame, key, part):
            raise EngineError(EndReason.ENGINE_ERROR, f"Frame {frame} fails because `fail_frames` says so.")
        if strikes("oom", settings.oom_frames, frame, key, part):
            raise MemoryError(f"Frame {frame} runs out of memory because `oom_frames` says so.")
        if strikes("crash", settings.crash_frames, frame, key, part):
            _die()
        if strikes("hang", settings.hang_frames, frame, key, part):
            threading.Event().wait()


def create_engine() -> FakeEngine:
    return FakeEngine()


def _picture(settings: FakeSettings, request: FrameRequest) -> bytes:
    if request.part is not None:
        return part_png(settings, frame=request.frame, part=request.part)
    return gradient_png(
        width=settings.width,
        height=settings.height,
        frame=request.frame,
        seed=settings.seed,
        samples=settings.samples,
    )


def _wishes(model: ModelFiles) -> dict[str, Any]:
    try:
        data = json.loads(model.main_path.read_bytes())
    except FileNotFoundError as error:
        raise EngineError(EndReason.MODEL_INVALID, f"The model's file {model.main} is missing.") from error
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}


def _die() -> None:
    sys.stdout.write("the fake engine dies now\n")
    sys.stdout.flush()
    faulthandler.disable()
    os.kill(os.getpid(), signal.SIGSEGV)
    threading.Event().wait()  # the signal is on its way
