# SPDX-License-Identifier: GPL-3.0-or-later
"""A case's settings, laid over a scene as a user's script would: by the names that the farm's own settings have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_OWNERS = {
    "resolution_x": "render",
    "resolution_y": "render",
    "samples": "cycles",
    "denoise": "cycles",
}
_BLENDER_NAMES = {"denoise": "use_denoising"}


def lay_over(scene: Any, settings: Mapping[str, Any]) -> None:
    """Set what ``settings`` name; everything else stays as it is."""
    for name, value in settings.items():
        setattr(*_place(scene, name), value)
    scene.render.image_settings.media_type = "IMAGE"
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.color_depth = "8"


def own_values(scene: Any) -> dict[str, Any]:
    """What the scene itself says, for all that can be laid over it."""
    return {name: getattr(*_place(scene, name)) for name in _OWNERS}


def _place(scene: Any, name: str) -> tuple[Any, str]:
    return getattr(scene, _OWNERS[name]), _BLENDER_NAMES.get(name, name)
