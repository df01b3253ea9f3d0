"""The Mitsuba engine: holds one scene resident and renders its frames. Imported only in the child process."""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.formats.mitsuba_xml import MitsubaScene, read_mitsuba
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback, Tally
from pipelines.errors import EngineError
from pipelines.live_preview import LONGEST_SIDE, LivePreview
from pipelines.mitsuba.merge import write_part
from pipelines.mitsuba.picture import Layers, screen_colours, write_picture
from pipelines.mitsuba.pipeline import MitsubaPipeline
from pipelines.mitsuba.sampling import Pass, plan_passes, share
from pipelines.mitsuba.scene import Camera, Integrator, LoadedScene
from pipelines.mitsuba.settings import MitsubaSettings, Variant
from pipelines.mitsuba.variants import Choice, Mitsuba

_SHOWN = 5
"""Missing files that a message names."""

Pixels = npt.NDArray[np.float32]
"""(height, width, channels)"""


@dataclass(slots=True)
class _Resident:
    """The scene as one variant holds it."""

    choice: Choice
    scene: LoadedScene


class MitsubaEngine:
    """One scene at a time; the next ``load`` replaces it. Another variant loads it again."""

    def __init__(self) -> None:
        self._mitsuba = Mitsuba()
        self._pipeline = MitsubaPipeline()
        self._loaded: tuple[ModelFiles, MitsubaScene] | None = None
        self._resident: _Resident | None = None
        """None behind a variant that could not open the scene: the next frame opens it anew."""

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        self._loaded = self._resident = None
        if not model.main_path.is_file():
            raise EngineError(EndReason.MODEL_INVALID, f"The model's file {model.main} is missing.")
        document = read_checked(model)
        missing = [each.path for each in document.references if not (model.root / each.path).is_file()]
        if missing:
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"The scene's files {', '.join(missing[:_SHOWN])} are missing.",
                remedy="Upload them beside the scene and register it again.",
            )
        self._open(model, document, Variant.AUTO)
        self._loaded = (model, document)
        return LoadReport(seconds=time.perf_counter() - begun)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        settings = _validated(request)
        begun = time.perf_counter()
        resident = self._in_variant(settings.variant)
        camera = resident.scene.camera(settings)
        if settings.camera_path is not None:
            try:
                resident.scene.move(camera, settings.camera_path.pose_at(request.frame))
            except ValueError as error:
                raise EngineError(
                    EndReason.MODEL_INVALID,
                    f"The camera path fails at frame {request.frame}: {error}.",
                    remedy="Add a keyframe that leads around that place.",
                ) from error
        integrator = resident.scene.integrator(settings)
        passes = _passes(request, settings, camera)
        ready = time.perf_counter()
        preview = LivePreview(request.scratch, request.preview_every_s)
        show = partial(_offer, preview, camera, integrator, settings)
        layers, samples = self._render(resident.scene.scene, camera, integrator, passes, progress, show)
        rendered = time.perf_counter()
        part = request.part
        extension = ".exr" if part is not None else self._pipeline.output(settings).extension
        main = request.scratch / f"{request.frame:06d}{extension}"
        unfinished = main.with_name(f".part-{main.name}")
        if part is not None:
            write_part(unfinished, layers, frame=request.frame, part=part, samples=samples)
        else:
            write_picture(unfinished, layers, settings)
        unfinished.rename(main)
        return FrameOutput(
            main=main,
            timings_ms={
                "frame_set": (ready - begun) * 1000,
                "render": (rendered - ready) * 1000,
                "write": (time.perf_counter() - rendered) * 1000,
            },
            metrics={
                "device": resident.choice.device,
                "variant": resident.choice.variant,
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "samples": samples,
                "passes": len(passes),
                "engine_version": self._pipeline.engine_version(),
            },
        )

    def _in_variant(self, wanted: Variant) -> _Resident:
        """The scene in the variant that the job asks for."""
        if self._loaded is None:
            raise EngineError(EndReason.INFRA, "No scene is loaded.")
        choice = self._mitsuba.choose(wanted)
        if self._resident is not None and choice == self._resident.choice:
            return self._resident
        self._resident = None  # two copies of a scene may not fit
        return self._open(*self._loaded, wanted)

    def _open(self, model: ModelFiles, document: MitsubaScene, wanted: Variant) -> _Resident:
        choice = self._mitsuba.choose(wanted)
        scene = LoadedScene(self._mitsuba.mi, document, model.root)
        self._resident = _Resident(choice=choice, scene=scene)
        return self._resident

    def _render(
        self,
        scene: Any,
        camera: Camera,
        integrator: Integrator,
        passes: list[Pass],
        progress: ProgressCallback,
        show: Callable[[Pixels, int], None],
    ) -> tuple[Layers, int]:
        """The mean over all passes, and of how many samples. In place: at 8K a copy of ten channels has 1.3 GB."""
        total = sum(each.samples for each in passes)
        sums: Pixels | None = None
        weight = done = 0
        for each in passes:
            progress(done / total, f"sample {done} of {total}", Tally(done, total, "samples"))
            image = self._render_pass(scene, camera, integrator, each)
            made = int(camera.sensor.sampler().sample_count())  # a stratified sampler rounds up
            image *= made
            if sums is None:
                sums = image
            else:
                sums += image
            weight, done = weight + made, done + each.samples
            if done < total:
                show(sums, weight)
        assert sums is not None
        sums /= weight
        return _layers(camera, integrator, sums), weight

    def _render_pass(self, scene: Any, camera: Camera, integrator: Integrator, one: Pass) -> Pixels:
        try:
            image = self._mitsuba.mi.render(
                scene, sensor=camera.sensor, integrator=integrator.integrator, seed=one.seed, spp=one.samples
            )
            pixels = np.array(image, dtype=np.float32)
        except RuntimeError as error:
            words = str(error)
            memory = "out of memory" in words.lower()
            raise EngineError(
                EndReason.OUT_OF_MEMORY if memory else EndReason.ENGINE_ERROR,
                f"Mitsuba could not render: {words}",
                remedy="Give the job to a pool with more memory, or make the picture smaller." if memory else None,
            ) from error
        return pixels[:, :, None] if pixels.ndim == 2 else pixels


def create_engine() -> MitsubaEngine:
    return MitsubaEngine()


def read_checked(model: ModelFiles) -> MitsubaScene:
    """The model's scene; what it refuses, in the words of an engine."""
    try:
        return read_mitsuba(model.root, model.main, remap=model.remap)
    except ModelInvalid as error:
        raise EngineError(EndReason.MODEL_INVALID, error.message, remedy=error.remedy) from error


def _validated(request: FrameRequest) -> MitsubaSettings:
    try:
        return MitsubaSettings.model_validate(dict(request.settings))
    except ValidationError as error:
        raise EngineError(
            EndReason.MODEL_INVALID, f"The settings are not valid: {error.errors(include_url=False)[0]['msg']}"
        ) from error


def _passes(request: FrameRequest, settings: MitsubaSettings, camera: Camera) -> list[Pass]:
    part = request.part
    total = settings.spp or camera.samples
    samples = total if part is None else share(total, part.number, part.of)
    if samples < 1:
        raise EngineError(EndReason.MODEL_INVALID, f"{total} samples cannot be shared out over the frame's parts.")
    width, height = camera.size
    return plan_passes(
        samples=samples,
        pixels=width * height,
        seed=settings.seed or 0,
        part=None if part is None else part.number,
    )


def _layers(camera: Camera, integrator: Integrator, pixels: Pixels) -> Layers:
    names = _channel_names(camera, integrator, pixels.shape[2])
    return {name: pixels[:, :, number] for number, name in enumerate(names)}


def _offer(
    preview: LivePreview,
    camera: Camera,
    integrator: Integrator,
    settings: MitsubaSettings,
    sums: Pixels,
    weight: int,
) -> None:
    """What the passes so far make together: every nth pixel, as the screen would show it."""
    step = max(1, max(sums.shape[:2]) // LONGEST_SIDE)
    preview.offer(lambda: screen_colours(_layers(camera, integrator, sums[::step, ::step] / weight), settings))


def _channel_names(camera: Camera, integrator: Integrator, count: int) -> list[str]:
    """Colours, then layers. Mitsuba's list of layers begins with the colours once more, under the integrator's name."""
    extra = count - len(camera.channels)
    names = list(integrator.integrator.aov_names()) if integrator.layers else []
    if extra < 0 or extra > len(names):
        raise EngineError(
            EndReason.MODEL_INVALID,
            f"The scene's integrator makes {count} channels, and the farm can name {len(camera.channels)} of them.",
            remedy="Use path, direct, volpath or volpathmis, and ask for layers by the setting aovs.",
        )
    return [*camera.channels, *(names[-extra:] if extra else [])]
