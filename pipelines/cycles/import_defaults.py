# SPDX-License-Identifier: GPL-3.0-or-later
"""What an imported scene gets where its file says nothing: output, frames, camera, light. Fixed, so that equal files
make equal pixels; whoever changes a value here changes the pixels of models that are registered."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from typing import Any

import bpy
from mathutils import Vector

from jobs.states import EndReason
from pipelines.errors import EngineError

WIDTH_PX, HEIGHT_PX = 1920, 1080
SAMPLES = 128
"""With adaptive sampling and denoising as a new Blender scene has them."""
CAMERA, SUN, WORLD = "Default Camera", "Default Sun", "Default World"

TO_CAMERA = (0.6, -0.75, 0.45)
"""From the middle of the scene: front, right and above."""
TO_SUN = (-0.25, -0.7, 0.9)
LENS_MM, SENSOR_MM = 50.0, 36.0
NARROW = 9 / 16
"""Everything is inside of the picture for any shape of it from 9:16 to 16:9."""
MARGIN = 1.1
"""Room around the scene, as a factor."""
SUN_STRENGTH = 3.0
"""W/m²: a white surface that faces it is about as bright as the screen's white under AgX."""
SUN_ANGLE = math.radians(5)
"""Wide enough that shadows have soft edges."""
WORLD_LIGHT = 0.4
"""Linear grey of the background; fills the shadows."""
CAMERA_LOOKS = 9
"""Frames of an animation whose bounds the default camera takes in."""
MAX_INSTANCES = 200_000
"""Instances looked at for the bounds of a frame; the rest of a crowd lies among them."""
MAX_FRAME = 1_048_574
"""Blender's own."""

_VISIBLE = frozenset({"MESH", "CURVE", "SURFACE", "FONT", "META", "CURVES", "POINTCLOUD", "VOLUME", "GREASEPENCIL"})


def prepare_empty(scene: Any) -> None:
    """Before the import: what the file may then say otherwise."""
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH_PX, HEIGHT_PX
    scene.render.resolution_percentage = 100
    scene.cycles.samples = SAMPLES
    scene.frame_start = scene.frame_end = 1


def complete_scene(scene: Any, *, has_range: bool) -> list[str]:
    """After the import: frames, a camera, a light. Returns what was added, in sentences."""
    if not any(item.type in _VISIBLE or item.instance_type != "NONE" for item in scene.objects):
        raise EngineError(
            EndReason.MODEL_INVALID,
            "The file holds nothing that could be seen.",
            remedy="Export it again with its meshes; look that no filter (selected or visible only) leaves them out.",
        )
    if not has_range:
        scene.frame_start, scene.frame_end = _animated_range() or (1, 1)
    said = []
    if scene.camera is None:
        cameras = sorted((item for item in scene.objects if item.type == "CAMERA"), key=lambda item: item.name)
        if cameras:
            scene.camera = cameras[0]
        else:
            _add_camera(scene)
            said.append("The file has no camera; one that takes in the whole scene was added.")
    if scene.world is None and not any(item.type == "LIGHT" for item in scene.objects):
        _add_light(scene)
        said.append("The file has no light; a sun and a grey background were added.")
    scene.frame_set(scene.frame_start)
    return said


def _add_camera(scene: Any) -> None:
    corners = [corner for frame in _looks(scene) for corner in _corners(scene, frame)]
    if not corners:
        raise EngineError(
            EndReason.MODEL_INVALID,
            "The file's objects have no place that can be looked at: all are empty, hidden or infinitely far.",
            remedy="Check it in the program that made it, or add a camera to it.",
        )
    low = Vector([min(corner[axis] for corner in corners) for axis in range(3)])
    high = Vector([max(corner[axis] for corner in corners) for axis in range(3)])
    middle, back = (low + high) / 2, Vector(TO_CAMERA).normalized()
    turn = back.to_track_quat("Z", "Y")
    right, up = turn @ Vector((1, 0, 0)), turn @ Vector((0, 1, 0))
    slope = SENSOR_MM / 2 / LENS_MM * NARROW / MARGIN
    size = max((high - low).length, 1e-6)
    box = [Vector((x, y, z)) - middle for x in (low.x, high.x) for y in (low.y, high.y) for z in (low.z, high.z)]
    distance = max(corner @ back + max(abs(corner @ right), abs(corner @ up)) / slope for corner in box)
    distance = max(distance, size)
    data = bpy.data.cameras.new(CAMERA)
    data.lens, data.sensor_width, data.sensor_fit = LENS_MM, SENSOR_MM, "AUTO"
    data.clip_start, data.clip_end = distance / 1000, distance + 10 * size
    camera = bpy.data.objects.new(CAMERA, data)
    camera.rotation_mode, camera.rotation_quaternion = "QUATERNION", turn
    camera.location = middle + back * distance
    scene.collection.objects.link(camera)
    scene.camera = camera


def _add_light(scene: Any) -> None:
    data = bpy.data.lights.new(SUN, "SUN")
    data.energy, data.angle = SUN_STRENGTH, SUN_ANGLE
    sun = bpy.data.objects.new(SUN, data)
    sun.rotation_mode = "QUATERNION"
    sun.rotation_quaternion = Vector(TO_SUN).normalized().to_track_quat("Z", "Y")
    scene.collection.objects.link(sun)
    world = bpy.data.worlds.new(WORLD)
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (WORLD_LIGHT, WORLD_LIGHT, WORLD_LIGHT, 1)
    background.inputs["Strength"].default_value = 1
    scene.world = world


def _looks(scene: Any) -> list[int]:
    """First and last frame, and some between."""
    first, last = scene.frame_start, scene.frame_end
    steps = min(CAMERA_LOOKS - 1, last - first)
    return sorted({first + (last - first) * step // steps for step in range(steps + 1)}) if steps > 0 else [first]


def _corners(scene: Any, frame: int) -> Iterator[Any]:
    """Of the boxes around all that is visible at a frame, in the scene's space."""
    scene.frame_set(frame)
    depsgraph = bpy.context.evaluated_depsgraph_get()
    for instance in islice(depsgraph.object_instances, MAX_INSTANCES):
        item = instance.object
        if item.type in _VISIBLE and not item.hide_render:
            place = instance.matrix_world.copy()
            for corner in item.bound_box:
                found = place @ Vector(corner)
                if all(math.isfinite(value) for value in found):
                    yield found


def _animated_range() -> tuple[int, int] | None:
    """Frames that the actions in use span; those of muted tracks are other takes."""
    spans = [span for owner in _owners() for span in _spans(owner)]
    spans = [(low, high) for low, high in spans if math.isfinite(low) and math.isfinite(high)]
    if not spans:
        return None
    first, last = math.floor(min(low for low, _ in spans)), math.ceil(max(high for _, high in spans))
    first = max(-MAX_FRAME, min(first, MAX_FRAME))
    return first, max(first, min(last, MAX_FRAME))


def _owners() -> Iterator[Any]:
    for name in dir(bpy.data):
        collection = getattr(bpy.data, name)
        if isinstance(collection, bpy.types.bpy_prop_collection):
            for block in collection:
                yield from (block, getattr(block, "node_tree", None), getattr(block, "shape_keys", None))


def _spans(owner: Any) -> Iterator[tuple[float, float]]:
    animation = getattr(owner, "animation_data", None)
    if animation is None:
        return
    if animation.action is not None:
        yield tuple(animation.action.frame_range)
    for track in animation.nla_tracks:
        if not track.mute:
            yield from ((strip.frame_start, strip.frame_end) for strip in track.strips if not strip.mute)
