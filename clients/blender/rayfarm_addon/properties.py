# SPDX-License-Identifier: GPL-3.0-or-later
"""What an artist sets for the jobs of a scene; saved with the scene, which is why no key and no address is here."""

from __future__ import annotations

from typing import Any

import bpy

from .declared import properties

MOST_PARTS = 64


def _is_camera(_settings: Any, item: Any) -> bool:
    return bool(item.type == "CAMERA")


@properties(
    title=bpy.props.StringProperty(name="Name", description="Of the job; empty: the file's name", maxlen=200),
    camera=bpy.props.PointerProperty(
        name="Camera", description="Empty: the scene's", type=bpy.types.Object, poll=_is_camera
    ),
    range_from=bpy.props.EnumProperty(
        name="Frames",
        items=[("SCENE", "Scene range", "Start, end and step of the scene"), ("OWN", "Own", "As written below")],
    ),
    frames=bpy.props.StringProperty(name="Range", description="Like 1-250, 1-100:2 or 5,10,20-30", default="1-250"),
    use_samples=bpy.props.BoolProperty(name="Override samples"),
    samples=bpy.props.IntProperty(name="Samples", default=64, min=1, max=16_777_216),
    use_percentage=bpy.props.BoolProperty(name="Override resolution"),
    percentage=bpy.props.IntProperty(
        name="Resolution",
        description="Of the scene's width and height",
        default=50,
        min=1,
        max=1000,
        subtype="PERCENTAGE",
    ),
    format=bpy.props.EnumProperty(
        name="Format",
        items=[
            ("png", "PNG", "With the scene's colour depth"),
            ("jpeg", "JPEG", "Small and lossy"),
            ("exr", "OpenEXR", "Linear light, for compositing"),
        ],
    ),
    split=bpy.props.EnumProperty(
        name="Split",
        items=[
            ("none", "Whole frames", "Each frame on one worker"),
            ("borders", "Rectangles", "Each frame in parts on several workers"),
            ("samples", "Samples", "The samples of each frame on several workers"),
        ],
    ),
    parts=bpy.props.IntProperty(name="Parts", default=4, min=2, max=MOST_PARTS),
    priority=bpy.props.EnumProperty(
        name="Priority",
        items=[
            ("interactive", "Interactive", "Before all other work"),
            ("normal", "Normal", "In turn"),
            ("batch", "Batch", "When nothing else waits"),
        ],
        default="normal",
    ),
    film=bpy.props.BoolProperty(name="Film", description="Also make a film of the frames", default=True),
    output=bpy.props.StringProperty(
        name="Results",
        description="Folder for frames and films; each job gets one of its own in it",
        default="//render/",
        subtype="DIR_PATH",
    ),
    bring=bpy.props.BoolProperty(
        name="Bring results home", description="Download them when the job is over, while Blender is open", default=True
    ),
)
class RayfarmSettings(bpy.types.PropertyGroup):
    """``scene.rayfarm``."""
