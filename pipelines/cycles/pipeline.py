"""What the farm knows about Cycles without importing Blender."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.labels import DEVICE_LABEL, ON_GPU
from jobs.spec import Split, SplitMode
from pipelines.base import OutputFormat
from pipelines.cycles.sequencer import check_sequencer, makes_all_frames
from pipelines.cycles.settings import MAX_PIXELS, CyclesSettings, Denoiser, Device
from pipelines.cycles.simulation_check import check_simulations
from pipelines.cycles.split_check import advice, check_facts, check_settings
from pipelines.pictures import OUTPUTS, check_pixels
from pipelines.scene_names import require_camera, require_named

_NEWER = ("multilayer", "engine", "simulations")

_NVIDIA_CONTROL = Path("/dev/nvidiactl")
"""There is a driver, so there are kernels to cache."""


class CyclesPipeline:
    """Blender scenes, and those that Blender imports, rendered by Cycles."""

    name = "cycles"
    title = "Blender"
    model_kinds = frozenset({"blender", "gltf", "obj", "usd", "fbx"})
    settings_type: type[BaseModel] = CyclesSettings
    engine_module = "pipelines.cycles.engine"
    probe_module = "pipelines.cycles.probe"
    sound_module = "pipelines.cycles.sound"
    split_modes = frozenset({SplitMode.BORDERS, SplitMode.SAMPLES})

    def engine_version(self) -> str | None:
        try:
            return f"bpy {importlib.metadata.version('bpy')}"
        except importlib.metadata.PackageNotFoundError:
            return None

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        """All of them: even JPEG quality changes what a reader decodes. ``None`` is covered by the model's digest."""
        data = settings.model_dump(mode="json", exclude_none=True)
        for name in _NEWER:  # at their defaults they leave the fingerprints of older frames as they were
            if data.get(name) == CyclesSettings.model_fields[name].default:
                del data[name]
        return data

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """The picture must not be larger than ``MAX_PIXELS``, whoever says so, no frame may lean on another, each
        setting must count, and what is named must be in the scene."""
        own = _typed(settings)
        if makes_all_frames(facts):
            check_sequencer(own)
        else:
            require_camera(own.camera, facts)
        layers = facts.get("view_layers") or ()
        require_named(filter(None, [own.view_layer]), layers, field="settings.view_layer", word="view layer")
        require_named(own.view_layers or (), layers, field="settings.view_layers", word="view layer")
        check_simulations(own, facts.get("simulations") or ())
        width, height, percentage = _size_in(facts, own)
        check_pixels(width, height, most=MAX_PIXELS, percentage=percentage)

    def scene_frame_size(self, settings: BaseModel, facts: Mapping[str, Any]) -> tuple[int, int] | None:
        """Of the whole picture: a crop is smaller."""
        if not facts.get("resolution"):
            return None
        width, height, percentage = _size_in(facts, _typed(settings))
        return width * percentage // 100, height * percentage // 100

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """A GPU, of whatever kind: which kinds a machine has, its labels do not say."""
        own = _typed(settings)
        needs_gpu = own.device not in (Device.AUTO, Device.CPU) or own.denoiser is Denoiser.OPTIX
        return {DEVICE_LABEL: ON_GPU} if needs_gpu else {}

    def output(self, settings: BaseModel) -> OutputFormat:
        return OUTPUTS[_typed(settings).format]

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        """Blender rounds down. Without a percentage the scene's own applies; a crop's size depends on its rounding."""
        typed = _typed(settings)
        if typed.resolution_x is None or typed.resolution_y is None or typed.percentage is None:
            return None
        if typed.border is not None and typed.border.crop:
            return None
        return typed.resolution_x * typed.percentage // 100, typed.resolution_y * typed.percentage // 100

    def seed_of(self, settings: BaseModel) -> int | None:
        return _typed(settings).seed

    def check_split(self, settings: BaseModel, split: Split) -> None:
        """What the settings alone say; ``check_scene_split`` looks at the scene too."""
        check_settings(_typed(settings), split)

    def check_scene_split(self, settings: BaseModel, split: Split, facts: Mapping[str, Any]) -> None:
        check_facts(_typed(settings), split, facts)

    def split_advice(self, settings: BaseModel, split: Split) -> list[str]:
        return advice(_typed(settings), split)

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        from pipelines.cycles.merge import merge_parts  # OpenEXR must not get into a process that has bpy

        merge_parts(
            parts,
            target,
            pipeline=self,
            frame=frame,
            split=split,
            extension=self.output(settings).extension,
            size=self.frame_size(settings),
        )

    def shared_paths(self) -> tuple[Path, ...]:
        """None: compiled kernels are code, and no engine runs what another project's wrote."""
        return ()

    def kernel_folders(self) -> Mapping[str, str]:
        """Of the driver, of OptiX, and of Cycles itself."""
        if not _NVIDIA_CONTROL.exists():
            return {}
        return {"CUDA_CACHE_PATH": "cuda", "OPTIX_CACHE_PATH": "optix", "XDG_CACHE_HOME": "cycles"}


def _size_in(facts: Mapping[str, Any], own: CyclesSettings) -> tuple[int, int, int]:
    """Width, height and percentage; a probe of an old release did not say the scene's."""
    width, height, percentage = facts.get("resolution") or (1, 1, 100)
    return own.resolution_x or width, own.resolution_y or height, own.percentage or percentage


def _typed(settings: BaseModel) -> CyclesSettings:
    if not isinstance(settings, CyclesSettings):
        raise TypeError(f"expected CyclesSettings, got {type(settings).__name__}")
    return settings
