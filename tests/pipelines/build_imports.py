# SPDX-License-Identifier: GPL-3.0-or-later
"""Exports a moving textured cube from Blender: ``python build_imports.py FOLDER``.

Makes ``usd/scene.{usda,usdc,usdz}`` with ``usd/textures/paint.png``, ``fbx/scene.fbx`` with ``fbx/paint.png``,
``fbx/packed.fbx``, and ``lit/scene.glb``, which has a camera ``Shot`` and a lamp of its own.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(sys.argv[1])
LAST_FRAME = 10


def fresh(texture: Path) -> Any:
    """A cube painted with ``texture``, which is made too, that moves from frame 1 to 10."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, LAST_FRAME
    texture.parent.mkdir(parents=True, exist_ok=True)
    image = bpy.data.images.new("paint", 8, 8)
    image.generated_color = (1, 0.1, 0.1, 1)
    image.filepath_raw, image.file_format = str(texture), "PNG"
    image.save()
    bpy.data.images.remove(image)
    bpy.ops.mesh.primitive_cube_add()
    cube = bpy.context.object
    material = bpy.data.materials.new("Paint")
    node = material.node_tree.nodes.new("ShaderNodeTexImage")
    node.image = bpy.data.images.load(str(texture))
    material.node_tree.links.new(node.outputs[0], material.node_tree.nodes["Principled BSDF"].inputs["Base Color"])
    cube.data.materials.append(material)
    cube.keyframe_insert("location", frame=1)
    cube.location.x = 2
    cube.keyframe_insert("location", frame=LAST_FRAME)
    return scene


def usd() -> None:
    fresh(FOLDER / "usd" / "textures" / "paint.png")
    for ending in ("usda", "usdc", "usdz"):
        bpy.ops.wm.usd_export(filepath=str(FOLDER / "usd" / f"scene.{ending}"), export_animation=True)


def fbx() -> None:
    fresh(FOLDER / "fbx" / "paint.png")
    bpy.ops.export_scene.fbx(filepath=str(FOLDER / "fbx" / "scene.fbx"), path_mode="RELATIVE", bake_anim=True)
    bpy.ops.export_scene.fbx(filepath=str(FOLDER / "fbx" / "packed.fbx"), path_mode="COPY", embed_textures=True)


def lit() -> None:
    scene = fresh(FOLDER / "lit" / "paint.png")
    camera = bpy.data.objects.new("Shot", bpy.data.cameras.new("Shot"))
    camera.location, camera.rotation_euler = (0, -9, 0), (1.5708, 0, 0)
    lamp = bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT"))
    lamp.location, lamp.data.energy = (0, -4, 3), 500
    for item in (camera, lamp):
        scene.collection.objects.link(item)
    bpy.ops.export_scene.gltf(
        filepath=str(FOLDER / "lit" / "scene.glb"), export_format="GLB", export_cameras=True, export_lights=True
    )


if __name__ == "__main__":
    for build in (usd, fbx, lit):
        build()
    sys.stdout.flush()
    os._exit(0)
