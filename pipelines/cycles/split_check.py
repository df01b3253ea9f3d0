"""Whether frames may be split as a job asks: by its settings, and by what the probe found in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from jobs.errors import InvalidInput
from jobs.spec import Split, SplitMode
from pipelines.cycles.settings import CyclesSettings, Denoiser, RenderEngine
from pipelines.cycles.split import refuse_blocked, share


def check_settings(settings: CyclesSettings, split: Split) -> None:
    """Refuse what no scene could make possible. Raises ``InvalidInput``."""
    if split.mode is SplitMode.NONE:
        return
    if settings.engine is RenderEngine.EEVEE:
        raise _refusal("EEVEE renders each frame whole", "settings.engine", "Leave split out")
    if settings.denoiser is Denoiser.OPTIX:
        refuse_blocked(["optix_denoiser"], split.mode, settings)
    if settings.adaptive_sampling:
        refuse_blocked(["adaptive_sampling"], split.mode, settings)
    if settings.multilayer:
        _check_multilayer(settings, split)
    if split.mode is SplitMode.SAMPLES:
        if settings.border is not None and settings.border.crop:
            refuse_blocked(["crop"], split.mode, settings)
        _check_enough(settings.samples, split, "samples", "settings.samples")
        return
    if settings.border is not None:
        refuse_blocked(["border"], split.mode, settings)
    if settings.resolution_y is not None and settings.percentage is not None:
        _check_enough(settings.resolution_y * settings.percentage // 100, split, "rows", "settings.resolution_y")


def check_facts(settings: CyclesSettings, split: Split, facts: Mapping[str, Any]) -> None:
    """Refuse a split of the scene whose probe found ``facts``. Raises ``InvalidInput``."""
    if split.mode is SplitMode.NONE:
        return
    details = facts.get("details") or {}
    refuse_blocked(details.get("split_blockers") or (), split.mode, settings)
    if split.mode is SplitMode.SAMPLES:
        _check_enough(settings.samples or facts.get("samples"), split, "samples", "settings.samples")
    elif facts.get("resolution"):
        _, height, percentage = facts["resolution"]
        rows = (settings.resolution_y or height) * (settings.percentage or percentage) // 100
        _check_enough(rows, split, "rows", "settings.resolution_y")


def advice(settings: CyclesSettings, split: Split) -> list[str]:
    """What a split pays, in sentences."""
    if split.mode is SplitMode.NONE:
        return [
            "Frames are rendered whole. A split pays where replicas stand idle, as there are fewer frames than they, "
            "and a frame takes much longer than the scene's sync and the start of a Blender (seconds)."
        ]
    said = [
        f"At best a frame is ready {split.parts} times as fast. A job of more frames than replicas ends no sooner for "
        "it: each part syncs the scene anew, and each merge starts a Blender."
    ]
    if split.mode is SplitMode.SAMPLES and settings.samples is not None:
        largest = max(len(share(settings.samples, part, split.parts)) for part in range(split.parts))
        if largest * split.parts != settings.samples:
            best = settings.samples / largest
            said.append(f"The largest part has {largest} of {settings.samples} samples, so at best {best:.2f} times.")
    if split.mode is SplitMode.BORDERS:
        said.append("Bands are of equal height and may be of unequal cost; samples are always shared out evenly.")
    return said


def _check_multilayer(settings: CyclesSettings, split: Split) -> None:
    if split.mode is SplitMode.SAMPLES:
        raise _refusal(
            "depth, cryptomatte and other passes of parts of the samples have no mean",
            "split.mode",
            "Split a multilayer file by borders",
        )
    if settings.denoise is not False:
        raise _refusal(
            "a multilayer file is put together without denoising",
            "settings.denoise",
            "Set denoise to false (the pass 'denoising' carries what a denoiser needs)",
        )
    if settings.color_depth != 32:
        raise _refusal("a multilayer file in parts has 32 bits", "settings.color_depth", "Set color_depth to 32")


def _check_enough(total: int | None, split: Split, what: str, field: str) -> None:
    if total is not None and total < split.parts:
        raise InvalidInput(
            f"{total} {what} cannot be shared out over {split.parts} parts.",
            field="split.parts",
            remedy=f"Ask for at most {total} parts, or raise {field}.",
        )


def _refusal(why: str, field: str, remedy: str) -> InvalidInput:
    return InvalidInput(f"These frames cannot be split: {why}.", field=field, remedy=f"{remedy}.")
