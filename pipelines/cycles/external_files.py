# SPDX-License-Identifier: GPL-3.0-or-later
"""Points a loaded scene's references (images, libraries, fonts, caches …) at the files the farm has."""

from __future__ import annotations

import os
import posixpath
import re
from pathlib import Path
from typing import Any

import bpy

from pipelines.base import ModelFiles

_DRIVE = re.compile(r"^[A-Za-z]:(?=/|$)")
_MAX_LIBRARY_DEPTH = 20
"""Libraries that link libraries; a chain longer than this is a loop."""


def remap_external_files(model: ModelFiles) -> None:
    """Replace each raw reference that the manifest knows by the absolute path of its file."""
    if not model.remap:
        return
    targets = {_plain(raw): str(model.root / path) for raw, path in model.remap.items()}
    for _ in range(_MAX_LIBRARY_DEPTH):  # a library that is found brings references of its own
        if not _reload_libraries(targets):
            break
    changed: list[Any] = []

    def visit(block: Any, raw: str, _reserved: Any) -> str | None:
        target = targets.get(_plain(stored_reference(raw, model)))
        if target is not None:
            changed.append(block)
        return target

    bpy.data.file_path_foreach(visit)
    for block in changed:
        if isinstance(block, bpy.types.Image):
            block.reload()


def is_blend(model: ModelFiles) -> bool:
    """Else it is a file of another program, which Blender imports."""
    return model.main.lower().endswith(".blend")


def stored_reference(raw: str, model: ModelFiles) -> str:
    """An importer makes paths absolute: one below the model's folder is told from the main file's folder, as in
    ``//textures/wood.png``. In a .blend they stand as they were stored."""
    if is_blend(model):
        return raw
    plain = _plain(raw)
    if plain.startswith("//"):
        return raw
    folder = posixpath.dirname(model.main)
    if not plain.startswith("/"):
        return raw if _DRIVE.match(plain) else f"//{posixpath.normpath(plain)}"
    path = posixpath.normpath(plain)
    for root in (str(model.root), str(model.root.resolve())):
        if path.startswith(f"{root}/"):
            return f"//{posixpath.relpath(path[len(root) + 1 :], folder or '.')}"
    return raw


def without_folder(message: str, folder: Path) -> str:
    """What Blender says, without the place where this machine keeps the model."""
    return message.replace(f"{folder}{os.sep}", "").strip()


def missing_files() -> list[str]:
    """Sentences about images and libraries that Blender could not open; it would render without a word."""
    found = [
        f"The image {image.name!r} is missing: {image.filepath}"
        for image in bpy.data.images
        if image.source == "FILE" and image.packed_file is None and image.users and not _readable(image)
    ]
    found += [f"The library {library.filepath} is missing." for library in bpy.data.libraries if library.is_missing]
    return found


def _plain(raw: str) -> str:
    """Blender on Linux turns the backslashes of some references round while it loads, and leaves others."""
    return raw.replace("\\", "/")


def _readable(image: Any) -> bool:
    """Opened, as the sandbox lets a process see files that it may not read."""
    try:
        with Path(bpy.path.abspath(_plain(image.filepath), library=image.library)).open("rb"):
            return True
    except OSError:
        return False


def _reload_libraries(targets: dict[str, str]) -> bool:
    again = False
    for library in list(bpy.data.libraries):
        target = targets.get(_plain(library.filepath))
        if target is not None and library.packed_file is None:
            library.filepath = target
            library.reload()
            again = True
    return again
