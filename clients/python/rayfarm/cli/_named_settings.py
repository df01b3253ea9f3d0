"""Options of `rayfarm render` that stand for settings, under the name that each pipeline gives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rayfarm.errors import UsageError

_SIZE = ("width", "height")

NAMED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "--resolution": {
        "cycles": ("resolution_x", "resolution_y"),
        "mitsuba": _SIZE,
        "splats": _SIZE,
        "diffusion": _SIZE,
        "fake": _SIZE,
    },
    "--samples": {"cycles": ("samples",), "mitsuba": ("spp",), "diffusion": ("steps",), "fake": ("samples",)},
    "--seed": {"cycles": ("seed",), "mitsuba": ("seed",), "diffusion": ("seed",), "fake": ("seed",)},
    "--camera": {"cycles": ("camera",), "mitsuba": ("camera",)},
    "--format": {"cycles": ("format",), "mitsuba": ("format",), "splats": ("format",), "diffusion": ("format",)},
    "--percentage": {"cycles": ("percentage",)},
    "--view-layer": {"cycles": ("view_layer",)},
    "--denoise": {"cycles": ("denoise",)},
}
"""Option → pipeline → its settings. The farm's schemas have them too, but this is asked without a farm."""

_KNOWN = {pipeline for by_pipeline in NAMED.values() for pipeline in by_pipeline}
_WHOLE_FOLDERS = frozenset({"splats", "diffusion"})
"""Pipelines whose settings name files that lie beside the main file."""


def having(option: str) -> str:
    """For ``--help``: the pipelines with this option, and what it is called there where that is another name."""
    named = {pipeline: fields for pipeline, fields in NAMED[option].items() if pipeline != "fake"}
    own = option.removeprefix("--").replace("-", "_")
    words = [
        pipeline if fields in ((own,), _SIZE) or option == "--resolution" else f"{pipeline} ({', '.join(fields)})"
        for pipeline, fields in named.items()
    ]
    return f"For {', '.join(words)}."


def settings_of(pipeline: str, asked: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that options stand for, ``None`` being left out. Raises ``UsageError`` for one that the pipeline
    does not have."""
    settings: dict[str, Any] = {}
    for option, value in asked.items():
        if value is None:
            continue
        fields = NAMED[option].get(pipeline)
        if fields is None and pipeline in _KNOWN:
            taken = [name for name, by_pipeline in NAMED.items() if pipeline in by_pipeline]
            raise UsageError(
                f"{pipeline} has no {option}.",
                remedy=f"Leave it out; of these options it has {', '.join(taken)}. `rayfarm pipelines {pipeline}` "
                "lists what --set takes.",
            )
        fields = fields or NAMED[option]["cycles"]  # a pipeline that only the farm knows
        settings |= dict(zip(fields, value if isinstance(value, tuple) else (value,), strict=True))
    return settings


def require_companions(scene: Path, *, pipeline: str, settings: Mapping[str, Any]) -> None:
    """Refuse a lone file where the settings name another one that lies beside it: it would not be sent."""
    if pipeline not in _WHOLE_FOLDERS or not scene.is_file():
        return
    for text in _texts(settings):
        if text and text != scene.name and len(text) < 255 and (scene.parent / text).is_file():
            raise UsageError(
                f"{text} lies beside {scene.name}, and a file is sent alone.",
                remedy=f"Give the folder {scene.parent}/ instead of the file.",
            )


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
