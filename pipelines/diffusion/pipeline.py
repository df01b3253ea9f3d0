"""What the farm knows about diffusion without importing torch."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobs.errors import InvalidInput
from jobs.fingerprint import canonical_json
from jobs.labels import DEVICE_LABEL, ON_GPU
from jobs.spec import Split, SplitMode
from pipelines.base import OutputFormat
from pipelines.diffusion.settings import MAX_SEED, Device, DiffusionSettings, Precision, SeedMode
from pipelines.pictures import OUTPUTS

_PACKAGES = ("diffusers", "transformers", "torch")
"""All three compute pixels."""
_SHOWN_FILES = 5
"""Files of a model named in one sentence."""
_NOT_THE_PICTURE = frozenset({"seed", "seed_mode", "device", "dtype", "format", "quality"})
"""Settings that leave the derived seed alone: the same picture on another device or in another file."""


class DiffusionPipeline:
    """Diffusion weights in safetensors: text to image, image to image, prompts that travel over frames."""

    name = "diffusion"
    title = "Diffusers"
    model_kinds = frozenset({"diffusion"})
    settings_type: type[BaseModel] = DiffusionSettings
    engine_module = "pipelines.diffusion.engine"
    probe_module = "pipelines.diffusion.probe"
    split_modes: frozenset[SplitMode] = frozenset()

    def engine_version(self) -> str | None:
        try:
            return " ".join(f"{name} {importlib.metadata.version(name)}" for name in _PACKAGES)
        except importlib.metadata.PackageNotFoundError:
            return None

    def pixel_settings(self, settings: BaseModel) -> dict[str, Any]:
        """All of them: quality changes what a reader decodes, device and dtype how numbers are rounded."""
        return settings.model_dump(mode="json", exclude_none=True)

    def check_scene(self, settings: BaseModel, facts: Mapping[str, Any]) -> None:
        """A LoRA or an initial picture must be among the model's files."""
        own = typed(settings)
        details = facts.get("details") or {}
        loras, pictures = details.get("loras"), details.get("pictures")
        if loras is not None and (lacking := sorted({lora.path for lora in own.loras} - set(loras))):
            raise _lacks("LoRA", lacking[0], there=loras, field="settings.loras")
        if pictures is not None and own.init_image and "#" not in own.init_image and own.init_image not in pictures:
            raise _lacks("picture", own.init_image, there=pictures, field="settings.init_image")

    def required_labels(self, settings: BaseModel) -> Mapping[str, str]:
        """A GPU where the job is never to be computed on a CPU, or in numbers that a CPU does not take."""
        own = typed(settings)
        return {DEVICE_LABEL: ON_GPU} if own.device is Device.CUDA or own.dtype is Precision.FP16 else {}

    def output(self, settings: BaseModel) -> OutputFormat:
        return OUTPUTS[typed(settings).format]

    def frame_size(self, settings: BaseModel) -> tuple[int, int] | None:
        own = typed(settings)
        return None if own.width is None or own.height is None else (own.width, own.height)

    def seed_of(self, settings: BaseModel) -> int | None:
        return typed(settings).seed

    def check_split(self, settings: BaseModel, split: Split) -> None:
        raise InvalidInput("A diffusion model makes each frame on one replica.", field="split.mode")

    def merge(self, parts: Sequence[Path], target: Path, *, settings: BaseModel, frame: int, split: Split) -> None:
        raise InvalidInput("Diffusion has no parts to merge.", field="split.mode")

    def shared_paths(self) -> tuple[Path, ...]:
        return ()


def _lacks(word: str, path: str, *, there: Sequence[str], field: str) -> InvalidInput:
    shown = ", ".join(there[:_SHOWN_FILES])
    beside = "upload it beside the weights and register the model again."
    return InvalidInput(
        f"The model has no {word} {path!r}.",
        field=field,
        remedy=f"Use {shown}, or {beside}" if there else beside.capitalize(),
    )


def frame_seed(settings: DiffusionSettings, *, model_digest: str, frame: int) -> int:
    """The seed of a frame's noise, 0 to 2^32-1: the job's, or one made from the model and what the picture shows."""
    base = settings.seed
    if base is None:
        shown = settings.model_dump(mode="json", exclude=set(_NOT_THE_PICTURE), exclude_none=True)
        digest = hashlib.sha256(canonical_json({"model": model_digest, "settings": shown})).digest()
        base = int.from_bytes(digest[:4], "big")
    return (base + frame) % (MAX_SEED + 1) if settings.effective_seed_mode is SeedMode.STEP else base


def typed(settings: BaseModel) -> DiffusionSettings:
    if not isinstance(settings, DiffusionSettings):
        raise TypeError(f"expected DiffusionSettings, got {type(settings).__name__}")
    return settings
