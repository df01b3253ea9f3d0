# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls Blender's importers, and hears what they say of files that they did not find."""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import bpy

from jobs.states import EndReason
from models.errors import ModelInvalid
from models.formats.fbx import inspect_fbx
from models.formats.gltf import read_gltf
from models.formats.obj import read_obj
from models.formats.references import FileReference
from models.formats.usd import inspect_usd
from pipelines.base import ModelFiles
from pipelines.cycles.external_files import stored_reference
from pipelines.errors import EngineError

MAX_HEARD_BYTES = 4 << 20
"""Of an importer's own words: some thousand missing files."""

_MISSING_LAYER = re.compile(r"Could not (?:load sublayer|open asset) @([^@\n]+)@")
_MISSING_IMAGE = re.compile(r"Couldn't open image file '([^'\n]+)'")


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """What an importer told beside the scene."""

    missing: list[tuple[str, str]] = field(default_factory=list)
    """(reference from the main file's folder, kind) of files that it did not find and does not keep a name of."""
    has_range: bool = False
    """The file itself says which frames it has."""


def read_before(model: ModelFiles) -> list[FileReference]:
    """What the file says that it needs, read without Blender; raises ``ModelInvalid``."""
    match _ending(model):
        case ".gltf" | ".glb":
            needed = list(read_gltf(model.root, model.main).references)
        case ".obj":
            needed = read_obj(model.root, model.main)
        case ".fbx":
            inspect_fbx(model.main_path)
            return []
        case _:
            inspect_usd(model.main_path)
            needed = []
            if model.remap:
                raise _no_remap(next(iter(model.remap)))
    for each in needed:
        if f"//{each.raw}" in model.remap and each.kind == "data":
            raise _no_remap(f"//{each.raw}")
    return needed


def import_file(model: ModelFiles) -> Imported:
    """Into the current scene. Raises ``RuntimeError`` (Blender's words), ``EngineError`` where it has no importer."""
    run = IMPORTERS.get(_ending(model))
    if run is None:
        raise EngineError(EndReason.MODEL_INVALID, f"Blender has no importer for {model.main}.")
    try:
        with _heard() as words:
            result = run(str(model.main_path))
            heard = words()
    except AttributeError as error:  # an operator of an add-on that is not there
        raise EngineError(
            EndReason.INFRA,
            f"The Blender of this machine cannot import {_ending(model)} files: {error}",
            remedy="Install the bpy wheel of blender.org, whose importers are complete.",
        ) from error
    if result != {"FINISHED"}:
        raise RuntimeError("the importer gave up")
    return Imported(missing=list(_missing(heard, model)), has_range=_ending(model).startswith(".usd"))


def _gltf(path: str) -> Any:
    return bpy.ops.import_scene.gltf(
        filepath=path, import_scene_extras=False, disable_bone_shape=True, import_select_created_objects=False
    )


def _obj(path: str) -> Any:
    return bpy.ops.wm.obj_import(filepath=path)


def _usd(path: str) -> Any:
    return bpy.ops.wm.usd_import(filepath=path, property_import_mode="NONE", import_textures_mode="IMPORT_PACK")


def _fbx(path: str) -> Any:
    return bpy.ops.wm.fbx_import(filepath=path, use_custom_props=False)


IMPORTERS: dict[str, Callable[[str], Any]] = {
    ".gltf": _gltf,
    ".glb": _gltf,
    ".obj": _obj,
    ".usd": _usd,
    ".usda": _usd,
    ".usdc": _usd,
    ".usdz": _usd,
    ".fbx": _fbx,
}
"""By the main file's ending. Custom properties are left out: nothing in a picture depends on them."""


def _ending(model: ModelFiles) -> str:
    return Path(model.main).suffix.lower()


def _missing(words: str, model: ModelFiles) -> Iterator[tuple[str, str]]:
    """Only USD's importer forgets the names of what it did not find. Refuses a layer that is there and not readable."""
    if not _ending(model).startswith(".usd"):
        return
    seen = set()
    for pattern, kind in ((_MISSING_LAYER, "data"), (_MISSING_IMAGE, "image")):
        for raw in pattern.findall(words):
            reference = stored_reference(raw, model)
            if kind == "data" and Path(raw).is_relative_to(model.root) and Path(raw).is_file():
                raise ModelInvalid(
                    f"{Path(raw).relative_to(model.root)}, which the scene refers to, cannot be read as USD.",
                    remedy="Export it again, and upload it with the scene.",
                )
            if reference not in seen:
                seen.add(reference)
                yield reference, kind


@contextmanager
def _heard() -> Iterator[Callable[[], str]]:
    """Within, what this process prints is kept; then it goes where it would have gone."""
    sys.stdout.flush()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as sink:
        kept = [(number, os.dup(number)) for number in (1, 2)]
        for number, _ in kept:
            os.dup2(sink.fileno(), number)
        try:
            yield lambda: _text(sink)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            for number, copy in kept:
                os.dup2(copy, number)
                os.close(copy)
            sys.stderr.write(_text(sink))


def _text(sink: IO[bytes]) -> str:
    sys.stdout.flush()
    sys.stderr.flush()
    sink.seek(0)
    return sink.read(MAX_HEARD_BYTES).decode("utf-8", "replace")


def _no_remap(raw: str) -> ModelInvalid:
    return ModelInvalid(
        f"The reference {raw!r} cannot be led to another place: the importer looks where the file says.",
        remedy="Name files by paths relative to the scene and put them there; a USD scene may be sent as .usdz.",
    )
