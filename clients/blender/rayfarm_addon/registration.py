# SPDX-License-Identifier: GPL-3.0-or-later
"""Switches the add-on on and off: classes, the scene's settings, and the session with its threads."""

from __future__ import annotations

import bpy

from . import operators, panel, runtime
from .preferences import RayfarmPreferences
from .properties import RayfarmSettings

_CLASSES = (RayfarmPreferences, RayfarmSettings, *operators.CLASSES, *panel.CLASSES)


def register() -> None:
    for cls in _CLASSES:
        bpy.utils.register_class(cls)
    bpy.types.Scene.rayfarm = bpy.props.PointerProperty(type=RayfarmSettings)
    runtime.start()


def unregister() -> None:
    runtime.stop()
    del bpy.types.Scene.rayfarm
    for cls in reversed(_CLASSES):
        bpy.utils.unregister_class(cls)
