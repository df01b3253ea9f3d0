# SPDX-License-Identifier: GPL-3.0-or-later
"""Takes a copy of the open scene as it stands, unsaved changes included, and leaves the artist's own file alone."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import bpy

from .farm.errors import SceneProblem
from .farm.gathering import Bundle, gather
from .references import collect_references, unsaved_pictures


def pack(*, allowed: Sequence[Path]) -> Bundle:
    """The copy and what it refers to. On the main thread, which it holds for as long as Blender takes to save.

    What is missing is told before the copy is made. The copy's folder is the caller's to delete (``discard``).
    """
    painted = unsaved_pictures()
    if painted:
        raise SceneProblem(
            "These images were painted and not saved, so a render elsewhere would not have the strokes:",
            details=painted[:12],
            remedy="Save them in the image editor (Image > Save All Images) or pack them, then submit again.",
        )
    scene = Path(bpy.data.filepath) if bpy.data.filepath else None
    references = collect_references()
    # Blender empties this folder when it quits, so that a copy outlives neither a crash of the thread nor the session.
    folder = Path(tempfile.mkdtemp(prefix="rayfarm-", dir=bpy.app.tempdir))
    copy = folder / (scene.name if scene else "untitled.blend")
    try:
        bundle = gather(copy, scene=scene, references=references, allowed=allowed)
        bpy.ops.wm.save_as_mainfile(
            filepath=str(copy), copy=True, compress=True, relative_remap=False, check_existing=False
        )
        if not copy.is_file():
            raise SceneProblem("Blender could not save a copy of the scene.", remedy=f"Is there room in {folder}?")
    except RuntimeError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise SceneProblem(f"Blender could not save a copy of the scene: {error}") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return bundle


def discard(bundle: Bundle) -> None:
    """Delete the copy. On any thread."""
    shutil.rmtree(bundle.files[bundle.main].parent, ignore_errors=True)
