# SPDX-License-Identifier: GPL-3.0-or-later
"""The Cycles engine: holds one Blender scene resident and renders its frames. Imported only in the child process."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from jobs.states import EndReason
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.cycles.blender import bpy, render_threads
from pipelines.cycles.containment import LoadGuard, has_file_outputs, redirect_file_outputs
from pipelines.cycles.devices import RenderDevices
from pipelines.cycles.eevee import eevee_device
from pipelines.cycles.external_files import missing_files
from pipelines.cycles.frame_watch import FrameWatch
from pipelines.cycles.opening import open_scene
from pipelines.cycles.part_render import part_of_frame
from pipelines.cycles.pipeline import CyclesPipeline
from pipelines.cycles.pre_roll import PreRoll
from pipelines.cycles.probe_simulations import FoundSimulation, collect_simulations
from pipelines.cycles.scene_overrides import SceneOverrides
from pipelines.cycles.sequencer import makes_the_picture
from pipelines.cycles.settings import CyclesSettings, Device, RenderEngine
from pipelines.cycles.split import PART_EXTENSION, PartNotes, append_notes
from pipelines.errors import EngineError

_PLACEHOLDERS = frozenset("#{}")
"""Blender expands these in a path it writes to."""
_OUT_OF_MEMORY = ("out of memory", "Out of memory", "malloc")


@dataclass(slots=True)
class _Resident:
    """The scene that is loaded."""

    model: ModelFiles
    scene: Any
    overrides: SceneOverrides
    pre_roll: PreRoll
    writes_extra: bool
    wants_gpu: bool
    """The scene itself is set to render on a GPU."""


class CyclesEngine:
    """One scene at a time; the next ``load`` replaces it."""

    def __init__(self) -> None:
        bpy.context.preferences.filepaths.use_scripts_auto_execute = False
        self._simulations: list[FoundSimulation] = []
        self._guard = LoadGuard(before=self._look_at_simulations)
        self._watch = FrameWatch()
        self._pipeline = CyclesPipeline()
        self._resident: _Resident | None = None
        self._devices: RenderDevices | None = None

    def _look_at_simulations(self) -> None:
        """Before their caches are redirected, which would make them look unbaked."""
        self._simulations = collect_simulations()

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        self._resident = None
        self._watch.forget()
        if not model.main_path.is_file():
            raise EngineError(EndReason.MODEL_INVALID, f"The model's file {model.main} is missing.")
        opened = open_scene(self._guard, model)
        opened.require_complete()
        scene = bpy.context.scene
        warnings = _prepare(scene)
        self._resident = _Resident(
            model=model,
            scene=scene,
            overrides=SceneOverrides(scene=scene),
            pre_roll=PreRoll(self._simulations),
            writes_extra=has_file_outputs(),
            wants_gpu=scene.cycles.device == "GPU",
        )
        return LoadReport(
            seconds=time.perf_counter() - begun,
            warnings=(*opened.warnings, *warnings, *missing_files()),
            blocked_scripts=tuple(opened.blocked),
            crops=scene.render.use_border and scene.render.use_crop_to_border,
        )

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        begun = time.perf_counter()
        settings = _validated(request)
        resident = self._unspoilt(settings)
        scene = resident.scene
        device = self._use_device(scene, settings)
        changed = resident.overrides.apply(settings) or request.part is not None
        extra_folder = request.scratch / "extra"
        if resident.writes_extra:
            redirect_file_outputs(extra_folder)
        extension = PART_EXTENSION if request.part is not None else self._pipeline.output(settings).extension
        main = request.scratch / f"{request.frame:06d}{extension}"
        partial = main.with_name(f".part-{main.name}")
        scene.render.filepath = str(partial)
        played = resident.pre_roll.go_to(scene, request.frame, settings.simulations, progress)
        _require_camera(scene)
        with self._part(scene, request, settings) as notes:
            if changed or _has_animated_settings():
                _tag_scenes()
            frame_set = time.perf_counter()
            with self._watch.watch(progress, layers=sum(layer.use for layer in scene.view_layers)):
                _render(scene)
            if settings.engine is RenderEngine.EEVEE:
                device = eevee_device(settings.device)
        if not partial.is_file():
            raise EngineError(
                EndReason.ENGINE_ERROR,
                "Blender ended the render without a picture.",
                remedy="Look at the frame's log; a scene whose view layers are all off renders nothing.",
            )
        if notes is not None:
            append_notes(partial, notes)
        partial.rename(main)
        written = time.perf_counter()
        rendered = self._watch.rendered_at
        return FrameOutput(
            main=main,
            extra=tuple(sorted(path for path in extra_folder.rglob("*") if path.is_file() and not path.is_symlink())),
            timings_ms={
                "frame_set": (frame_set - begun) * 1000,
                "render": (rendered - frame_set) * 1000,
                "write": (written - rendered) * 1000,
            },
            warnings=_device_warnings(device, settings, wants_gpu=resident.wants_gpu),
            metrics={
                "device": device,
                "scene_wants_gpu": resident.wants_gpu,
                "frames_played": played,
                "peak_rss_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
                "samples": _samples(scene, settings) if notes is None else len(notes.samples),
                "engine_version": self._pipeline.engine_version(),
            },
        )

    def _unspoilt(self, settings: CyclesSettings) -> _Resident:
        """The scene; opened anew where the frames before have left in it what this one must not see."""
        if self._resident is not None and self._resident.pre_roll.spoilt_for(settings.simulations):
            self.load(self._resident.model)
        if self._resident is None:
            raise EngineError(EndReason.INFRA, "No scene is loaded.")
        return self._resident

    @contextmanager
    def _part(self, scene: Any, request: FrameRequest, settings: CyclesSettings) -> Iterator[PartNotes | None]:
        """What of the frame is rendered within; None: all of it."""
        if request.part is None or self._resident is None:
            yield None
            return
        self._resident.overrides.touch()  # the next frame must not take the part's settings for its own
        with part_of_frame(scene, request.part, settings) as notes:
            yield notes

    def _use_device(self, scene: Any, settings: CyclesSettings) -> str:
        if settings.engine is RenderEngine.EEVEE:
            return ""  # known once it has drawn
        if self._devices is None:  # asks the drivers, so only when a frame needs the answer
            self._devices = RenderDevices()
        device = self._devices.choose(settings.device)
        if scene.cycles.device != device.cycles_word:
            scene.cycles.device = device.cycles_word
        return device.name


def create_engine() -> CyclesEngine:
    return CyclesEngine()


def _prepare(scene: Any) -> list[str]:
    """What holds for every frame of this scene, whatever the job. Returns warnings."""
    render = scene.render
    warnings = []
    if render.use_multiview:
        raise EngineError(
            EndReason.MODEL_INVALID,
            "The scene renders stereo views, which this farm does not support.",
            remedy="Turn off Output Properties > Stereoscopy, or submit one job for each eye's camera.",
        )
    if render.engine != "CYCLES":
        warnings.append(
            f"The scene is set to the renderer {render.engine}; jobs render it with Cycles unless they set engine."
        )
        render.engine = "CYCLES"
    render.threads_mode = "FIXED"
    render.threads = render_threads()
    render.use_file_extension = True
    render.use_overwrite = True
    render.use_placeholder = False
    for each in bpy.data.scenes:  # the compositor may pull in other scenes
        each.render.use_persistent_data = True
        if not each.render.use_stamp:  # else the artist wants it in the picture
            each.render.use_stamp_filename = False  # where this machine keeps the scene is nobody's business
    return warnings


def _validated(request: FrameRequest) -> CyclesSettings:
    if _PLACEHOLDERS & set(str(request.scratch)):
        raise EngineError(
            EndReason.INFRA,
            f"Blender expands '#', '{{' and '}}' in paths, so it cannot write to {request.scratch}.",
            remedy="Choose a working folder without them.",
        )
    try:
        return CyclesSettings.model_validate(dict(request.settings))
    except ValidationError as error:
        raise EngineError(EndReason.ENGINE_ERROR, f"The settings are not valid: {error}") from error


def _device_warnings(device: str, settings: CyclesSettings, *, wants_gpu: bool) -> tuple[str, ...]:
    if device == "CPU" and wants_gpu and settings.device is Device.AUTO:
        return ("The scene is set to render on a GPU; this frame was rendered on the CPU.",)
    return ()


def _samples(scene: Any, settings: CyclesSettings) -> int:
    return int(scene.eevee.taa_render_samples if settings.engine is RenderEngine.EEVEE else scene.cycles.samples)


def _tag_scenes() -> None:
    """With persistent data a changed ``cycles.*`` is not seen: the next render would silently use the old value.

    A tag costs a new sync of the whole scene (1.2 s of CPU for 2 M triangles), so only a changed setting earns one.
    """
    for scene in bpy.data.scenes:
        scene.update_tag()


def _has_animated_settings() -> bool:
    """Whether a keyframe or driver may change a setting of a scene from one frame to the next."""
    return any(scene.animation_data is not None for scene in bpy.data.scenes)


def _require_camera(scene: Any) -> None:
    if scene.camera is None and not makes_the_picture(scene):
        cameras = ", ".join(sorted(item.name for item in scene.objects if item.type == "CAMERA"))
        raise EngineError(
            EndReason.MODEL_INVALID,
            "The scene has no active camera.",
            remedy=f"Set `camera` to one of: {cameras}." if cameras else "Add a camera in Blender and make it active.",
        )


def _render(scene: Any) -> None:
    try:
        bpy.ops.render.render(write_still=True, scene=scene.name)
    except RuntimeError as error:
        message = str(error).strip()
        reason = EndReason.ENGINE_ERROR
        if any(words in message for words in _OUT_OF_MEMORY):
            reason = EndReason.OUT_OF_MEMORY
        raise EngineError(reason, f"Blender: {message}") from error
