# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays a job's settings over a resident scene, and takes the job before's off again."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from jobs.states import EndReason
from pipelines.cycles.eevee import require_eevee
from pipelines.cycles.render_passes import pass_switches, turn_on
from pipelines.cycles.settings import MAX_PIXELS, CyclesSettings, Denoiser, RenderEngine
from pipelines.errors import EngineError
from pipelines.pictures import ImageFormat, check_pixels

_RENDER_PROPERTIES = (
    "resolution_x",
    "resolution_y",
    "resolution_percentage",
    "use_border",
    "border_min_x",
    "border_max_x",
    "border_min_y",
    "border_max_y",
    "use_crop_to_border",
    "use_motion_blur",
    "motion_blur_shutter",
    "engine",
)
_CYCLES_PROPERTIES = (
    "samples",
    "seed",
    "use_denoising",
    "denoiser",
    "use_adaptive_sampling",
    "adaptive_threshold",
    "adaptive_min_samples",
    "use_layer_samples",
)
_SWITCHES = (
    ("shutter", "motion blur", "render.use_motion_blur", "motion_blur"),
    ("adaptive_threshold", "adaptive sampling", "cycles.use_adaptive_sampling", "adaptive_sampling"),
    ("adaptive_min_samples", "adaptive sampling", "cycles.use_adaptive_sampling", "adaptive_sampling"),
    ("denoiser", "denoising", "cycles.use_denoising", "denoise"),
)
"""A setting, what it is for, where the scene says whether that is on, and the setting that turns it on."""
_IMAGE_PROPERTIES = ("media_type", "file_format", "color_mode", "color_depth", "quality")
"""In the order in which Blender must be told: each one limits the values of the next."""

_FILE_FORMATS = {ImageFormat.PNG: "PNG", ImageFormat.JPEG: "JPEG", ImageFormat.EXR: "OPEN_EXR"}
_MULTILAYER = "OPEN_EXR_MULTILAYER"
_DENOISERS = {Denoiser.OPENIMAGEDENOISE: "OPENIMAGEDENOISE", Denoiser.OPTIX: "OPTIX"}
_DEFAULT_DEPTHS = {ImageFormat.PNG: 8, ImageFormat.JPEG: 8, ImageFormat.EXR: 16}


@dataclass(frozen=True, slots=True)
class _Saved:
    """One property as the scene had it."""

    owner: Any
    name: str
    value: Any

    def restore(self) -> None:
        if getattr(self.owner, self.name) != self.value:  # an assignment alone already makes Blender sync again
            setattr(self.owner, self.name, self.value)


class SceneOverrides:
    """The scene's own values, taken once after the load, and whatever lies over them now."""

    def __init__(self, *, scene: Any) -> None:
        self._scene = scene
        image = scene.render.image_settings
        self._own_format = str(image.file_format)
        self._saved = [
            *(_Saved(scene.render, name, getattr(scene.render, name)) for name in _RENDER_PROPERTIES),
            *(_Saved(scene.cycles, name, getattr(scene.cycles, name)) for name in _CYCLES_PROPERTIES),
            *(_Saved(image, name, getattr(image, name)) for name in _IMAGE_PROPERTIES),
            _Saved(scene, "camera", scene.camera),
            _Saved(scene.eevee, "taa_render_samples", scene.eevee.taa_render_samples),
            *(_Saved(layer, "use", layer.use) for layer in scene.view_layers),
            *(_Saved(owner, name, getattr(owner, name)) for owner, name in pass_switches(scene)),
            *(_Saved(marker, "camera", marker.camera) for marker in scene.timeline_markers),
        ]
        self._muted: list[Any] = []
        self._applied: CyclesSettings | None = None

    def touch(self) -> None:
        """Something else has changed the scene since: the next ``apply`` counts as a change."""
        self._applied = None

    def apply(self, settings: CyclesSettings) -> bool:
        """Make the scene say what it said when it was loaded, then what ``settings`` say. True if that changed it."""
        if settings == self._applied:
            return False
        self._applied = None  # a refusal half-way must not count as applied
        self._restore()
        render, cycles = self._scene.render, self._scene.cycles
        self._override(render, "render.resolution_x", settings.resolution_x)
        self._override(render, "render.resolution_y", settings.resolution_y)
        self._override(render, "render.resolution_percentage", settings.percentage)
        self._override(cycles, "cycles.samples", settings.samples)
        if settings.samples is not None:  # a view layer's own would win over the job's
            self._override(cycles, "cycles.use_layer_samples", "IGNORE")
        self._override(cycles, "cycles.seed", settings.seed)
        self._override(cycles, "cycles.use_denoising", settings.denoise)
        self._override_denoiser(settings.denoiser)
        self._override(cycles, "cycles.use_adaptive_sampling", settings.adaptive_sampling)
        self._override(cycles, "cycles.adaptive_threshold", settings.adaptive_threshold)
        self._override(cycles, "cycles.adaptive_min_samples", settings.adaptive_min_samples)
        self._override(render, "render.use_motion_blur", settings.motion_blur)
        self._override(render, "render.motion_blur_shutter", settings.shutter)
        self._override_border(settings)
        self._override_camera(settings.camera)
        self._override_view_layers(settings.view_layers or (settings.view_layer,))
        if settings.engine is RenderEngine.EEVEE:
            require_eevee()
            render.engine = "BLENDER_EEVEE"
            self._override(self._scene.eevee, "eevee.taa_render_samples", settings.samples)
        for data_path in turn_on(self._scene, settings.passes or ()):
            self._mute(data_path)
        self._override_format(settings)
        self._refuse_without_effect(settings)
        try:
            check_pixels(
                render.resolution_x, render.resolution_y, most=MAX_PIXELS, percentage=render.resolution_percentage
            )
        except ValueError as error:
            raise EngineError(EndReason.ENGINE_ERROR, f"{error}.", remedy="Lower the resolution.") from error
        self._applied = settings
        return True

    def _refuse_without_effect(self, settings: CyclesSettings) -> None:
        for name, purpose, data_path, switch in _SWITCHES:
            if getattr(settings, name) is None or self._scene.path_resolve(data_path):
                continue
            if getattr(settings, switch) is None and not any(_curves_of(self._scene, data_path)):
                raise EngineError(
                    EndReason.MODEL_INVALID,
                    f"The job's {name} is for {purpose}, which the scene has off.",
                    remedy=f"Set {switch} to true, or leave {name} out.",
                )

    def _restore(self) -> None:
        for curve in self._muted:
            curve.mute = False
        self._muted.clear()
        for saved in self._saved:
            saved.restore()

    def _override(self, owner: Any, data_path: str, value: object) -> None:
        if value is None:
            return
        setattr(owner, data_path.rpartition(".")[2], value)
        self._mute(data_path)

    def _mute(self, data_path: str) -> None:
        """An animated property would win over the job."""
        for curve in _curves_of(self._scene, data_path):
            if not curve.mute:
                curve.mute = True
                self._muted.append(curve)

    def _override_border(self, settings: CyclesSettings) -> None:
        border = settings.border
        if border is None:
            return
        render = self._scene.render
        self._override(render, "render.use_border", True)
        self._override(render, "render.use_crop_to_border", border.crop)
        # Blender keeps min below max, so open the border wide first.
        render.border_min_x, render.border_max_x, render.border_min_y, render.border_max_y = 0.0, 1.0, 0.0, 1.0
        self._override(render, "render.border_min_x", border.xmin)
        self._override(render, "render.border_max_x", border.xmax)
        self._override(render, "render.border_min_y", border.ymin)
        self._override(render, "render.border_max_y", border.ymax)

    def _override_camera(self, name: str | None) -> None:
        if name is None:
            return
        cameras = {item.name: item for item in self._scene.objects if item.type == "CAMERA"}
        if name not in cameras:
            raise _unknown("camera", name, cameras)
        for marker in self._scene.timeline_markers:  # a bound marker would switch cameras at its frame
            if marker.camera is not None:
                marker.camera = None
        self._scene.camera = cameras[name]

    def _override_view_layers(self, names: tuple[str | None, ...]) -> None:
        layers = {layer.name: layer for layer in self._scene.view_layers}
        for name in names:
            if name is None:
                return
            if name not in layers:
                raise _unknown("view layer", name, layers)
        for layer in layers.values():
            layer.use = layer.name in names
            self._mute(layer.path_from_id("use"))

    def _override_denoiser(self, denoiser: Denoiser | None) -> None:
        if denoiser is None:
            return
        try:
            self._override(self._scene.cycles, "cycles.denoiser", _DENOISERS[denoiser])
        except TypeError as error:  # Blender has the word only where the device is
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"The job asks for the denoiser {denoiser}, which this machine does not have.",
                remedy="Set denoiser to openimagedenoise, which runs everywhere, or use a pool with NVIDIA GPUs.",
            ) from error

    def _override_format(self, settings: CyclesSettings) -> None:
        image = self._scene.render.image_settings
        wanted = _MULTILAYER if settings.multilayer else _FILE_FORMATS[settings.format]
        if wanted != self._own_format:
            image.media_type = (
                "MULTI_LAYER_IMAGE" if settings.multilayer else "IMAGE"
            )  # before file_format, which it limits (Blender 5)
            image.file_format = wanted
        if settings.color_depth is not None or wanted != self._own_format:
            image.color_depth = str(settings.color_depth or _DEFAULT_DEPTHS[settings.format])
        if settings.quality is not None:
            image.quality = settings.quality


def _unknown(what: str, name: str, existing: dict[str, Any]) -> EngineError:
    known = ", ".join(sorted(existing)) or "none"
    return EngineError(EndReason.MODEL_INVALID, f"This scene has no {what} {name!r}.", remedy=f"It has: {known}.")


def _curves_of(scene: Any, data_path: str) -> Iterator[Any]:
    """F-curves and drivers of the scene that animate one property, those of its NLA strips among them."""
    animation = scene.animation_data
    if animation is None:
        return
    yield from (driver for driver in animation.drivers if driver.data_path == data_path)
    for action, slot in _actions_of(animation):
        if action is None or slot is None:
            continue
        for layer in action.layers:
            for strip in layer.strips:
                bag = strip.channelbag(slot)
                if bag is not None:
                    yield from (curve for curve in bag.fcurves if curve.data_path == data_path)


def _actions_of(animation: Any) -> Iterator[tuple[Any, Any]]:
    """(action, slot) of all that plays: the active one, the one put aside while a strip is edited, and each strip's."""
    yield animation.action, animation.action_slot
    aside = animation.action_tweak_storage
    if aside is not None:
        handle = animation.action_slot_handle_tweak_storage
        yield from ((aside, slot) for slot in aside.slots if slot.handle == handle)
    waiting = [strip for track in animation.nla_tracks for strip in track.strips]
    while waiting:
        strip = waiting.pop()
        yield strip.action, strip.action_slot
        waiting.extend(strip.strips)  # of a meta strip
