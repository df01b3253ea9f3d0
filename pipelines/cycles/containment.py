# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a scene from running scripts and from writing where it likes.

``open_mainfile(use_scripts=False)`` stops registered text blocks and Python drivers. It does not stop Freestyle style
modules, compositor File Output nodes and fluid caches (tried on 5.0.1): those are dealt with here.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import bpy

_UNSAFE_IN_NAME = re.compile(r"[^A-Za-z0-9 ._#{}+=@-]+")
_UNSAFE_IN_CACHE_PATH = re.compile(r"['\"\\\n\r]")
"""The fluid solver pastes its folder into Python source."""
_MAX_EXPRESSION = 120
"""Characters of a blocked driver shown to the user."""


class LoadGuard:
    """Disarms each file between its load and its first evaluation: a fluid writes in that evaluation already."""

    def __init__(self, *, before: Callable[[], None] | None = None) -> None:
        """``before``: called with each file loaded and not yet disarmed, to look at what disarming changes."""
        self._blocked: list[str] | None = None

        # A persistent handler outlives the load of another file; Blender takes plain functions only.
        def on_load(*_: Any) -> None:
            if before is not None:
                before()
            self._blocked = disarm()

        bpy.app.handlers.load_post.append(bpy.app.handlers.persistent(on_load))

    def start_empty(self) -> None:
        """A scene with nothing in it, as Blender's makers set it, in place of whatever is loaded."""
        self._blocked = None
        # Not read_factory_settings: that would replace the preferences too, and who holds a part of them would crash.
        bpy.ops.wm.read_homefile(use_empty=True, use_factory_startup=True, load_ui=False)
        if self._blocked is None:
            raise RuntimeError("the empty scene could not be disarmed")

    def open(self, path: Path) -> list[str]:
        """Open a file with scripts off; returns what was blocked. Raises ``RuntimeError`` for what Blender refuses."""
        self._blocked = None
        bpy.ops.wm.open_mainfile(filepath=str(path), load_ui=False, use_scripts=False)
        if self._blocked is None:  # Blender swallows what a handler raises
            raise RuntimeError("the file could not be disarmed")
        if bpy.app.autoexec_fail and not self._blocked:  # something that only Blender itself saw
            return [bpy.app.autoexec_fail_message]
        return list(self._blocked)


def disarm() -> list[str]:
    """Take what could still run or write out of the loaded data; returns the names of what was blocked."""
    blocked = [f"text block {text.name!r} (registered to run at load)" for text in bpy.data.texts if text.use_module]
    blocked += _blocked_drivers()
    blocked += _remove_style_modules()
    _contain_fluid_caches()
    return blocked


def redirect_file_outputs(folder: Path) -> None:
    """Point each File Output node of each scene and node group at a folder of its own below ``folder``."""
    taken: set[str] = set()
    for node in _file_output_nodes():
        name = _safe_name(node.label or node.name) or "output"
        while name in taken:
            name += "_"
        taken.add(name)
        node.directory = str(folder / name)
        file_name = _safe_name(node.file_name) or name  # without one Blender would name the file by its number alone
        if node.file_name != file_name:  # "../" in it would leave the folder; item names are cleaned by Blender
            node.file_name = file_name


def has_file_outputs() -> bool:
    return any(True for _ in _file_output_nodes())


def _file_output_nodes() -> Iterator[Any]:
    for tree in bpy.data.node_groups:
        if tree.bl_idname == "CompositorNodeTree":
            yield from (node for node in tree.nodes if node.bl_idname == "CompositorNodeOutputFile")


def _safe_name(name: str) -> str:
    return _UNSAFE_IN_NAME.sub("_", name).lstrip(".")


def _blocked_drivers() -> list[str]:
    found = []
    for name in dir(bpy.data):
        collection = getattr(bpy.data, name)
        if not isinstance(collection, bpy.types.bpy_prop_collection):
            continue
        for block in collection:
            for owner in (block, getattr(block, "node_tree", None), getattr(block, "shape_keys", None)):
                animation = getattr(owner, "animation_data", None)
                for curve in animation.drivers if animation is not None else ():
                    driver = curve.driver
                    if driver.type == "SCRIPTED" and not driver.is_simple_expression:
                        expression = driver.expression[:_MAX_EXPRESSION]
                        found.append(
                            f"driver of {block.id_type.lower()} {block.name!r} {curve.data_path}: {expression}"
                        )
    return list(dict.fromkeys(found))  # a shape key is reached by its mesh and by itself


def _remove_style_modules() -> list[str]:
    removed = []
    for scene in bpy.data.scenes:
        for layer in scene.view_layers:
            modules = layer.freestyle_settings.modules
            for module in list(modules):  # removed, because an animated ``use`` would come back
                if module.script is not None:
                    removed.append(f"Freestyle style module {module.script.name!r} of view layer {layer.name!r}")
                modules.remove(module)
    return removed


def _contain_fluid_caches() -> None:
    """A replayed fluid writes its cache on every frame change."""
    ours = tempfile.gettempdir()
    for item in bpy.data.objects:
        for modifier in item.modifiers:
            if modifier.type == "FLUID" and modifier.fluid_type == "DOMAIN":
                domain = modifier.domain_settings
                if domain.cache_directory.startswith(ours):
                    continue
                if domain.cache_type == "REPLAY" or _UNSAFE_IN_CACHE_PATH.search(domain.cache_directory):
                    domain.cache_directory = tempfile.mkdtemp(prefix="fluid-")
