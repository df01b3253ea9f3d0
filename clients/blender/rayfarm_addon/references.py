# SPDX-License-Identifier: GPL-3.0-or-later
"""Lists the external files of the open scene, its libraries' included, where they lie on this disk."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bpy

from .farm.gathering import Reference, plain_path

_SOUND_ENDINGS = (".wav", ".mp3", ".ogg", ".flac", ".aac", ".m4a", ".opus", ".aif", ".aiff")
_KINDS = {
    "LIBRARY": "library",
    "FONT": "font",
    "SOUND": "sound",
    "VOLUME": "volume",
    "CACHEFILE": "cache",
    "TEXT": "script",
}
_OPTIONAL = frozenset({"sound", "script"})
"""Sent where they are there; a frame does not need them."""
_BUILTIN_FONT = "<builtin>"


def collect_references() -> list[Reference]:
    """All references but to packed files. On the main thread."""
    found: list[Reference] = []

    def visit(block: Any, raw: str, _reserved: Any) -> None:
        if not raw or raw == _BUILTIN_FONT or block.id_type == "OBJECT":  # its caches are found below, by modifier
            return
        kind = _KINDS.get(block.id_type) or ("sound" if raw.lower().endswith(_SOUND_ENDINGS) else "image")
        library = block.id_type == "LIBRARY"
        owner = block.parent if library else block.library
        found.append(
            Reference(
                raw=raw,
                # Blender rewrites the path of a library's library, so that // means the open scene's folder.
                path=_absolute(raw, None if library else owner),
                kind=kind,
                owner=block.name,
                owner_file=None if owner is None else _absolute(owner.filepath, None),
                sequence=getattr(block, "source", "") == "SEQUENCE" or bool(getattr(block, "is_sequence", False)),
                required=kind not in _OPTIONAL and (block.id_type not in ("IMAGE", "FONT") or _is_used(block)),
            )
        )

    bpy.data.file_path_foreach(visit)
    for item in bpy.data.objects:
        for raw, folder in _caches_of(item):
            if raw:
                found.append(
                    Reference(
                        raw=raw,
                        path=_absolute(raw, item.library),
                        kind="cache",
                        owner=item.name,
                        owner_file=None if item.library is None else _absolute(item.library.filepath, None),
                        folder=folder,
                    )
                )
    return list(dict.fromkeys(found))


def unsaved_pictures() -> list[str]:
    """Names of painted images whose new pixels are in memory alone: no copy of the scene holds them."""
    return [
        image.name
        for image in bpy.data.images
        if image.is_dirty and image.type not in ("RENDER_RESULT", "COMPOSITING") and _is_used(image)
    ]


def _absolute(raw: str, library: Any) -> Path:
    return plain_path(bpy.path.abspath(raw.replace("\\", "/") if raw.startswith("//") else raw, library=library))


def _is_used(block: Any) -> bool:
    """A fake user alone keeps a block in the file, not in the picture."""
    return bool(block.users - int(block.use_fake_user))


def _caches_of(item: Any) -> Iterator[tuple[str, bool]]:
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
            file = item.library.filepath if item.library is not None else bpy.data.filepath
            yield f"//blendcache_{Path(file).stem}", True
