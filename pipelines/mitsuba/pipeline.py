"""What the farm knows about Mitsuba without importing it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.errors import InvalidInput
from jobs.labels import DEVICE_LABEL, ON_GPU
from jobs.spec import Split, SplitMode
from pipelines.base import OutputFormat
from pipelines.mitsuba.sampling import PASS_RAYS
from pipelines.mitsuba.settings import MAX_PIXELS, MitsubaSettings, Variant
from pipelines.mitsuba.variants import llvm_here
from pipelines.pictures import OUTPUTS, check_pixels
from pipelines.scene_names import require_camera

_FEW_SAMPLES = 16
"""Of a part; with fewer its fixed costs weigh in most scenes."""

_ON_GPU = frozenset({Variant.CUDA_RGB, Variant.CUDA_SPECTRAL})


class MitsubaPipeline:
    """Mitsuba 3 scenes, XML or dict."""

    name = "mitsuba"
    title = "Mitsuba"
    model_kinds = frozenset({"mitsuba"})
    settings_type: type[BaseModel] = MitsubaSettings
    engine_module = "pipelines.mitsuba.engine"
    probe_module = "pipelines.mitsuba.probe"
    split_modes = frozenset({SplitMode.SAMPLES})

    def engine_version(self) -> str | None:
        """With what ``auto`` means on this machine's CPU: frames and parts of one job must not mix the two noises."""
        try:
            version = importlib.metadata.version("mitsuba")
        except importlib.metadata.PackageNotFoundError:
            return None
        return f"mitsuba {version} {'llvm' if llvm_here() else 'scalar'}"

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        """All of them, and how samples are shared out over passes. ``None`` is covered by the model's digest."""
        return {**settings.model_dump(mode="json", exclude_none=True), "pass_rays": PASS_RAYS}

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """The picture must not be too large, whoever says so, and a named camera must be there."""
        own = _typed(settings)
        width, height, _ = facts.get("resolution") or (1, 1, 100)
        check_pixels(own.width or width, own.height or height, most=MAX_PIXELS)
        require_camera(own.camera, facts)

    def scene_frame_size(self, settings: BaseModel, facts: Mapping[str, Any]) -> tuple[int, int] | None:
        own, known = _typed(settings), facts.get("resolution")
        return (own.width or known[0], own.height or known[1]) if known else None

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """A GPU for the variants that compute on one."""
        return {DEVICE_LABEL: ON_GPU} if _typed(settings).variant in _ON_GPU else {}

    def output(self, settings: BaseModel) -> OutputFormat:
        return OUTPUTS[_typed(settings).format]

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        own = _typed(settings)
        return (own.width, own.height) if own.width is not None and own.height is not None else None

    def seed_of(self, settings: BaseModel) -> int | None:
        return _typed(settings).seed

    def check_split(self, settings: BaseModel, split: Split) -> None:
        spp = _typed(settings).spp
        if spp is None:
            raise InvalidInput(
                "A frame is shared out by its samples, and the job does not say how many it has.",
                field="settings.spp",
                remedy="Set settings.spp.",
            )
        if spp < split.parts:
            raise InvalidInput(
                f"{spp} samples cannot be shared out over {split.parts} parts.",
                field="split.parts",
                remedy="Ask for fewer parts, or raise settings.spp.",
            )

    def split_advice(self, settings: BaseModel, split: Split) -> list[str]:
        if split.mode is SplitMode.NONE:
            return ["Splitting by samples pays where a frame takes seconds: set settings.spp and 2 or more parts."]
        said = [
            "The picture is another one than the unsplit frame, of the same quality: each part has a seed of its own."
        ]
        fewest = (_typed(settings).spp or 0) // split.parts
        if fewest < _FEW_SAMPLES:
            said.append(f"A part has {fewest} samples: loading and merging may take longer than they do.")
        return said

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        from pipelines.mitsuba.merge import merge_parts  # OpenEXR, only where parts are merged

        merge_parts(parts, target, settings=_typed(settings), frame=frame, split=split)

    def shared_paths(self) -> tuple[Path, ...]:
        """None: compiled kernels are code, and no engine runs what another wrote."""
        return ()


def _typed(settings: BaseModel) -> MitsubaSettings:
    if not isinstance(settings, MitsubaSettings):
        raise TypeError(f"expected MitsubaSettings, got {type(settings).__name__}")
    return settings
