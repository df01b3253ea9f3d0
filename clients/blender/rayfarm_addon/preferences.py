# SPDX-License-Identifier: GPL-3.0-or-later
"""The add-on's preferences: which farm, which key, and from where files may be sent."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy

from .declared import properties
from .farm.errors import FarmError
from .farm.places import Place, find_place


@properties(
    url=bpy.props.StringProperty(
        name="Farm", description="Address of the farm's API, like https://farm.example.com. Empty: RAYFARM_URL"
    ),
    api_key=bpy.props.StringProperty(
        name="API key",
        description="A key with the role artist. Empty: RAYFARM_API_KEY, or the key in the farm's folder",
        subtype="PASSWORD",
    ),
    project=bpy.props.StringProperty(
        name="Project", description="Slug of the project. Empty: RAYFARM_PROJECT, or the project of the key"
    ),
    home=bpy.props.StringProperty(
        name="Farm's folder",
        description="Of a farm that `rayfarm up` started on this machine (…/.rayfarm). Empty: RAYFARM_HOME",
        subtype="DIR_PATH",
    ),
    allowed=bpy.props.StringProperty(
        name="Send from",
        description="Folders outside of a scene's own whose files may be sent, as in PATH: a scene of a stranger may "
        "refer to any file of this machine",
    ),
)
class RayfarmPreferences(bpy.types.AddonPreferences):
    """Kept in Blender's user preferences; none of it goes into a .blend."""

    bl_idname = __package__
    allowed: str  # for type checkers; the decorator puts the property in its place

    def draw(self, _context: Any) -> None:
        layout = self.layout
        layout.use_property_split = True
        for name in ("url", "api_key", "project", "home", "allowed"):
            layout.prop(self, name)
        if self.api_key:
            layout.label(text="The key is stored in clear in Blender's preferences (userpref.blend).", icon="INFO")
            layout.label(text="On a shared account leave it empty and set RAYFARM_API_KEY instead.", icon="BLANK1")
        try:
            place = self.farm()
        except FarmError as error:
            layout.label(text=" ".join(error.lines), icon="ERROR")
            return
        if place.api_key and place.tells_the_key_in_clear:
            layout.label(text="http:// sends the key and the scene in clear; use https://.", icon="ERROR")

    def farm(self) -> Place:
        """The farm that is named here, or around Blender. Raises ``FarmError``."""
        home = bpy.path.abspath(self.home) if self.home else ""
        return find_place(url=self.url, api_key=self.api_key, project=self.project, home=home)

    def folders(self) -> list[Path]:
        """Those of ``allowed``."""
        return [Path(part).expanduser() for part in self.allowed.split(os.pathsep) if part.strip()]

    def allow(self, folders: tuple[str, ...]) -> None:
        known = [part for part in self.allowed.split(os.pathsep) if part.strip()]
        self.allowed = os.pathsep.join(dict.fromkeys([*known, *folders]))


def preferences() -> RayfarmPreferences:
    """Those of this add-on. Raises ``FarmError`` where it is not switched on in the preferences."""
    addon = bpy.context.preferences.addons.get(__package__)
    if addon is None:
        raise FarmError("The Rayfarm add-on is not switched on.", remedy="Switch it on in Edit > Preferences.")
    found: RayfarmPreferences = addon.preferences
    return found


def place() -> Place:
    """The farm that they name. Raises ``FarmError`` with what to set, also where Blender is to stay offline."""
    found = preferences().farm()
    if not found.is_here and not bpy.app.online_access:
        raise FarmError(
            "Blender is set to stay offline.", remedy="Edit > Preferences > System: switch on Allow Online Access."
        )
    return found
