# SPDX-License-Identifier: GPL-3.0-or-later
"""Turns the settings of a scene into the fields of a job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy

from .farm.errors import SceneProblem

_ENGINES = {"CYCLES": "cycles", "BLENDER_EEVEE": "eevee", "BLENDER_EEVEE_NEXT": "eevee"}


def job_fields(scene: Any, *, only_frame: int | None = None) -> dict[str, Any]:
    """All of a job spec but name and model. Raises ``SceneProblem`` for what the farm could not render."""
    wish = scene.rayfarm
    engine = _ENGINES.get(scene.render.engine)
    if engine is None:
        raise SceneProblem(
            f"The farm does not render with {scene.render.engine}.", remedy="Set the render engine to Cycles or EEVEE."
        )
    camera = wish.camera or scene.camera
    if camera is None:
        raise SceneProblem("The scene has no camera.", remedy="Add one, or choose one in the Rayfarm panel.")
    settings: dict[str, Any] = {"engine": engine, "format": wish.format}
    if wish.camera is not None:
        settings["camera"] = wish.camera.name
    if wish.use_samples:
        settings["samples"] = wish.samples
    if wish.use_percentage:
        settings["percentage"] = wish.percentage
    fields: dict[str, Any] = {
        "pipeline": "cycles",
        "settings": settings,
        "frames": str(only_frame) if only_frame is not None else _frames(scene),
        "priority": wish.priority,
        "outputs": {"video": "auto" if wish.film else None},
    }
    if wish.split != "none":
        fields["split"] = {"mode": wish.split, "parts": wish.parts}
    return fields


def job_name(scene: Any, *, only_frame: int | None = None) -> str:
    """Without an own name that of the file."""
    name = scene.rayfarm.title.strip() or Path(bpy.data.filepath).stem or "untitled"
    return f"{name} {only_frame}"[:200] if only_frame is not None else name[:200]


def output_folder(scene: Any) -> Path:
    """Where the jobs' folders are made. Raises ``SceneProblem`` for a relative one of a scene that is nowhere."""
    text = scene.rayfarm.output or "//render/"
    if text.startswith("//") and not bpy.data.filepath:
        raise SceneProblem(
            "The results' folder is relative to a scene that was never saved.",
            remedy="Save the scene, or choose another folder under Results.",
        )
    return Path(bpy.path.abspath(text))


def _frames(scene: Any) -> str:
    wish = scene.rayfarm
    if wish.range_from == "OWN":
        text = str(wish.frames).strip()
        if not text:
            raise SceneProblem("There are no frames to render.", remedy="Write a range, like 1-250.")
        return text
    first, last, step = scene.frame_start, scene.frame_end, scene.frame_step
    if first == last:
        return str(first)
    return f"{first}-{last}" if step == 1 else f"{first}-{last}:{step}"
