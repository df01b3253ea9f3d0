# SPDX-License-Identifier: GPL-3.0-or-later
"""Make the heavy scene: two million triangles, four packed 2k textures, a camera that moves."""

from __future__ import annotations

import os
import sys
from typing import Any

import bpy
import numpy as np

SHEETS = 4
SIDE = 500
"""Quads along a sheet's edge: 4 sheets of 500 x 500 quads are 2,000,000 triangles."""
TEXTURE_PX = 2048


def main(blend: str) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    random = np.random.default_rng(7)
    for index in range(SHEETS):
        material = _material(f"sheet {index}", _texture(f"texture {index}", random))
        sheet = bpy.data.objects.new(f"sheet {index}", _mesh(f"sheet {index}", phase=float(index)))
        sheet.data.materials.append(material)
        sheet.location = ((index % 2) * 4.2 - 2.1, (index // 2) * 4.2 - 2.1, 0.0)
        scene.collection.objects.link(sheet)
    _light(scene)
    _camera(scene)
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples = 16
    scene.cycles.use_adaptive_sampling = False
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.frame_start, scene.frame_end = 1, 48
    bpy.ops.wm.save_as_mainfile(filepath=blend, compress=True, check_existing=False)
    sys.stdout.flush()
    os._exit(0)


def _mesh(name: str, *, phase: float) -> Any:
    """A square of rolling hills."""
    line = np.linspace(-2.0, 2.0, SIDE + 1, dtype=np.float32)
    x, y = np.meshgrid(line, line)
    z = 0.25 * np.sin(3 * x + phase) * np.cos(2.5 * y - phase) + 0.03 * np.sin(31 * x) * np.sin(29 * y)
    points = np.stack([x, y, z], axis=-1).astype(np.float32).reshape(-1)
    row, column = np.meshgrid(np.arange(SIDE), np.arange(SIDE), indexing="ij")
    corner = (row * (SIDE + 1) + column).reshape(-1)
    quads = np.stack([corner, corner + 1, corner + SIDE + 2, corner + SIDE + 1], axis=-1).astype(np.int32)
    mesh = bpy.data.meshes.new(name)
    mesh.vertices.add((SIDE + 1) ** 2)
    mesh.vertices.foreach_set("co", points)
    mesh.loops.add(quads.size)
    mesh.loops.foreach_set("vertex_index", quads.reshape(-1))
    mesh.polygons.add(len(quads))
    mesh.polygons.foreach_set("loop_start", np.arange(0, quads.size, 4, dtype=np.int32))
    mesh.update(calc_edges=True)
    across = np.stack([x, y], axis=-1).reshape(-1, 2)[quads.reshape(-1)] / 4 + 0.5
    mesh.uv_layers.new(name="UVMap").uv.foreach_set("vector", across.astype(np.float32).reshape(-1))
    return mesh


def _texture(name: str, random: np.random.Generator) -> Any:
    """Blocks of colour with coarse grain: compresses about as badly as a photograph."""
    blocks = np.kron(random.random((64, 64, 3), dtype=np.float32), np.ones((TEXTURE_PX // 64, TEXTURE_PX // 64, 1)))
    grain = np.kron(random.random((TEXTURE_PX // 2, TEXTURE_PX // 2, 1), dtype=np.float32), np.full((2, 2, 1), 0.1))
    pixels = np.ones((TEXTURE_PX, TEXTURE_PX, 4), dtype=np.float32)
    pixels[..., :3] = np.clip(blocks * 0.9 + grain, 0, 1)
    image = bpy.data.images.new(name, TEXTURE_PX, TEXTURE_PX)
    image.pixels.foreach_set(pixels.reshape(-1))
    image.pack()
    return image


def _material(name: str, image: Any) -> Any:
    material = bpy.data.materials.new(name)
    nodes, links = material.node_tree.nodes, material.node_tree.links
    texture = nodes.new("ShaderNodeTexImage")
    texture.image = image
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Roughness"].default_value = 0.45
    links.new(texture.outputs["Color"], surface.inputs["Base Color"])
    return material


def _light(scene: Any) -> None:
    data = bpy.data.lights.new("key", "AREA")
    data.energy, data.size = 900.0, 5.0
    light = bpy.data.objects.new("key", data)
    light.location = (3.0, -4.0, 7.0)
    light.rotation_euler = (0.55, 0.35, 0.0)
    scene.collection.objects.link(light)
    world = bpy.data.worlds.new("sky")
    world.node_tree.nodes["Background"].inputs["Color"].default_value = (0.12, 0.16, 0.22, 1.0)
    scene.world = world


def _camera(scene: Any) -> None:
    camera = bpy.data.objects.new("camera", bpy.data.cameras.new("camera"))
    scene.collection.objects.link(camera)
    scene.camera = camera
    for frame, place, turn in ((1, (0.0, -11.0, 6.0), (1.08, 0.0, 0.0)), (48, (2.5, -9.0, 5.0), (1.08, 0.0, 0.25))):
        camera.location, camera.rotation_euler = place, turn
        camera.keyframe_insert("location", frame=frame)
        camera.keyframe_insert("rotation_euler", frame=frame)


if __name__ == "__main__":
    main(sys.argv[1])
