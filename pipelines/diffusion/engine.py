"""The diffusion engine: holds one model's weights resident and makes frames with them. Imported only in the child."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback, Tally
from pipelines.diffusion.glimpse import glimpse
from pipelines.diffusion.hardware import Hardware, free_video_memory, is_out_of_memory, noise_source, prepare_torch
from pipelines.diffusion.loras import LoraStack
from pipelines.diffusion.pictures import read_initial, to_picture, write_picture
from pipelines.diffusion.pipeline import DiffusionPipeline, frame_seed
from pipelines.diffusion.prompts import Prompts
from pipelines.diffusion.schedulers import new_scheduler
from pipelines.diffusion.settings import DiffusionSettings
from pipelines.diffusion.weights import Weights, check_files, open_weights
from pipelines.errors import EngineError
from pipelines.live_preview import LivePreview


@dataclass(slots=True)
class _Resident:
    """A model that is loaded, on one device and in one precision."""

    model: ModelFiles
    weights: Weights
    prompts: Prompts
    loras: LoraStack


class DiffusionEngine:
    """One model at a time; the next ``load`` replaces it, and so does a job that wants another device or precision."""

    def __init__(self) -> None:
        prepare_torch()
        self._pipeline = DiffusionPipeline()
        self._model: ModelFiles | None = None
        self._resident: _Resident | None = None
        """None behind a device or precision that could not hold the weights: the next frame loads them anew."""

    def load(self, model: ModelFiles) -> LoadReport:
        """On the device and in the precision that a job gets that does not name any."""
        begun = time.perf_counter()
        self._model = None
        self._open(model, Hardware.choose(DiffusionSettings(prompt="")))
        self._model = model
        return LoadReport(seconds=time.perf_counter() - begun)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        if self._model is None:
            raise EngineError(EndReason.INFRA, "No model is loaded.")
        begun = time.perf_counter()
        settings = _validated(request)
        hardware = Hardware.choose(settings)
        resident = self._resident
        if resident is None or resident.weights.hardware != hardware:
            del resident  # its weights go before the others come
            resident = self._open(self._model, hardware)
        hardware.begin_frame()
        if resident.loras.use(settings.loras):
            resident.prompts.forget()
        loaded = time.perf_counter()
        seed = frame_seed(settings, model_digest=resident.model.digest, frame=request.frame)
        try:
            preview = LivePreview(request.scratch, request.preview_every_s)
            values = _paint(resident, settings, request.frame, seed, progress, preview)
        except EngineError:
            raise
        except Exception as error:
            if is_out_of_memory(error):
                raise MemoryError("Ask for a smaller picture, or dtype fp16 or bf16.") from error
            raise
        rendered = time.perf_counter()
        main = request.scratch / f"{request.frame:06d}{self._pipeline.output(settings).extension}"
        write_picture(to_picture(values), main, settings)
        return FrameOutput(
            main=main,
            timings_ms={
                "load": (loaded - begun) * 1000,
                "render": (rendered - loaded) * 1000,
                "write": (time.perf_counter() - rendered) * 1000,
            },
            metrics={
                "device": hardware.label,
                "dtype": hardware.precision.value,
                "seed": seed,
                "steps": settings.steps,
                "weight_bytes": resident.weights.folder.weight_bytes,
                **hardware.memory(),
                "engine_version": self._pipeline.engine_version(),
            },
            warnings=tuple(resident.prompts.warnings(settings, request.frame)),
        )

    def _open(self, model: ModelFiles, hardware: Hardware) -> _Resident:
        self._resident = None  # first, so that both never need room at once
        free_video_memory()
        weights = open_weights(model, check_files(model), hardware)
        self._resident = _Resident(model, weights, Prompts(weights), LoraStack(weights, model.root))
        return self._resident


def create_engine() -> DiffusionEngine:
    return DiffusionEngine()


def _validated(request: FrameRequest) -> DiffusionSettings:
    try:
        return DiffusionSettings.model_validate(dict(request.settings))
    except ValidationError as error:
        raise EngineError(EndReason.ENGINE_ERROR, f"The settings are not valid: {error}") from error


def _paint(
    resident: _Resident,
    settings: DiffusionSettings,
    frame: int,
    seed: int,
    progress: ProgressCallback,
    preview: LivePreview,
) -> Any:
    """The picture as float RGB of shape (height, width, 3)."""
    weights = resident.weights
    encoded = resident.prompts.at(settings, frame)
    initial = read_initial(resident.model, settings, frame)
    pipe = weights.text_to_image if initial is None else weights.image_to_image
    pipe.scheduler = new_scheduler(weights, settings.scheduler, steps=settings.steps)
    arguments = encoded.arguments()
    if initial is None:
        native = weights.native_size
        arguments["width"], arguments["height"] = settings.width or native[0], settings.height or native[1]
    else:
        arguments.update(image=initial, strength=settings.effective_strength)
    guidance = settings.guidance_scale
    if guidance is None:
        guidance = weights.default_guidance

    def after_step(running: Any, step: int, _time: Any, kept: dict[str, Any]) -> dict[str, Any]:
        steps = running.num_timesteps
        done = step + 1
        # The last share is for the decoder.
        progress(done / (steps + 1), f"step {done} of {steps}", Tally(done, steps, "steps"))
        if done < steps:
            preview.offer(lambda: glimpse(weights, kept["latents"]))
        return kept

    return pipe(
        **arguments,
        num_inference_steps=settings.steps,
        guidance_scale=guidance,
        generator=noise_source(seed),
        output_type="np",
        callback_on_step_end=after_step,
        callback_on_step_end_tensor_inputs=["latents"],
    ).images[0]
