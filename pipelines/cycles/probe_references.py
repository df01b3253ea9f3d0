# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the external files that an opened scene refers to, libraries' own included, as Blender sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from pipelines.base import ModelFiles
from pipelines.cycles.external_files import is_blend, stored_reference

_SEQUENCES = frozenset({"SEQUENCE"})
_SOUND_ENDINGS = (".wav", ".mp3", ".ogg", ".flac", ".aac", ".m4a", ".opus", ".aif", ".aiff")
_MOVIE_ENDINGS = (".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v", ".mpg", ".mpeg", ".mts", ".ogv")
_BUILTIN_FONT = "<builtin>"


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundReference:
    """The fields of ``models.probe.RawReference``."""

    raw: str
    kind: str
    owner: str
    owner_file: str | None
    base_file: str
    sequence: bool = False
    folder: bool = False
    required: bool = True


def collect_references(model: ModelFiles) -> list[FoundReference]:
    """All references of the opened and remapped scene; a remapped one under its raw name."""
    root = model.root.resolve()
    raw_of = {str(model.root / path): raw for raw, path in model.remap.items()}
    found: list[FoundReference] = []

    def add(
        block: Any, raw: str, kind: str, *, sequence: bool = False, folder: bool = False, required: bool = True
    ) -> None:
        owner_file = _file_of(block, model, root)
        if not raw or (owner_file is None and kind != "library"):
            return  # of a library from outside the model: the library itself is the finding
        # Blender rewrites the path of a library that a library links, so that // means the main file's folder.
        base_file = model.main if kind == "library" or owner_file is None else owner_file
        found.append(
            FoundReference(
                raw=raw_of.get(raw) or stored_reference(raw, model),
                kind=kind,
                owner=block.name,
                owner_file=owner_file,
                base_file=base_file,
                sequence=sequence,
                folder=folder,
                required=required,
            )
        )

    def visit(block: Any, raw: str, _reserved: Any) -> None:
        match block.id_type:
            case "IMAGE":
                kind = "movie" if block.source == "MOVIE" else "image"
                add(block, raw, kind, sequence=block.source in _SEQUENCES, required=_is_used(block))
            case "LIBRARY":
                add(block, raw, "library")
            case "FONT":
                if raw != _BUILTIN_FONT:
                    add(block, raw, "font", required=_is_used(block))
            case "SOUND":
                add(block, raw, "sound", required=False)
            case "MOVIECLIP":
                kind = "image" if block.source in _SEQUENCES else "movie"
                add(block, raw, kind, sequence=block.source in _SEQUENCES)
            case "VOLUME":
                add(block, raw, "volume", sequence=block.is_sequence)
            case "CACHEFILE" if not is_blend(model):
                pass  # the main file itself, which Blender goes on reading while it plays
            case "CACHEFILE":
                add(block, raw, "cache", sequence=block.is_sequence)
            case "TEXT":
                add(block, raw, "script", required=False)
            case "OBJECT":
                pass  # by modifier, below: whether a cache is needed depends on whether it is baked
            case _:
                kind = _kind_by_ending(raw)
                add(block, raw, kind, required=kind != "sound")

    bpy.data.file_path_foreach(visit)
    for item in bpy.data.objects:
        for raw, folder in _caches_of(item, model, root):
            add(item, raw, "cache", folder=folder)
    return found


def _file_of(block: Any, model: ModelFiles, root: Path) -> str | None:
    """Manifest path of the .blend that stores the reference of this block."""
    library = block.parent if block.id_type == "LIBRARY" else block.library
    if library is None:
        return model.main
    path = Path(bpy.path.abspath(library.filepath)).resolve()
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else None


def _is_used(block: Any) -> bool:
    """A fake user alone keeps a block in the file, not in the picture."""
    return bool(block.users - int(block.use_fake_user))


def _kind_by_ending(raw: str) -> str:
    lower = raw.lower()
    if lower.endswith(_SOUND_ENDINGS):
        return "sound"
    if lower.endswith(_MOVIE_ENDINGS):
        return "movie"
    if lower.endswith((".osl", ".oso", ".py")):
        return "script"
    return "data" if lower.endswith(".ies") else "image"


def _caches_of(item: Any, model: ModelFiles, root: Path) -> Iterator[tuple[str, bool]]:
    """(raw, is a folder) of caches that the object plays back."""
    point_caches = [system.point_cache for system in item.particle_systems]
    for modifier in item.modifiers:
        match modifier.type:
            case "FLUID" if modifier.fluid_type == "DOMAIN":
                domain = modifier.domain_settings
                if domain.cache_type != "REPLAY" and domain.has_cache_baked_any:
                    yield domain.cache_directory, True
            case "MESH_CACHE":
                yield modifier.filepath, False
            case "OCEAN" if modifier.is_cached:
                yield modifier.filepath, True
            case "NODES":
                if modifier.bake_target == "DISK" and modifier.bake_directory and len(modifier.bakes):
                    yield modifier.bake_directory, True
            case "CLOTH" | "SOFT_BODY":
                point_caches.append(modifier.point_cache)
            case "DYNAMIC_PAINT" if modifier.canvas_settings is not None:
                point_caches += [surface.point_cache for surface in modifier.canvas_settings.canvas_surfaces]
    for cache in point_caches:
        if cache.use_external:
            yield cache.filepath, True
        elif cache.use_disk_cache and cache.is_baked:
            file = _file_of(item, model, root) or model.main
            yield f"//blendcache_{Path(file).stem}", True
