# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes awkward and hostile .blend files with Blender itself: `python tests/hostile/blends.py FOLDER`.

Each recipe writes into a folder of its own name. What a scene's script would write, if it ran, is `FOLDER/ran-*`.
"""

from __future__ import annotations

import os
import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy

RAN = "ran"
"""Begins the name of the file that a script of a hostile scene tries to write."""


def textured(folder: Path) -> None:
    """A plane with an image beside the scene."""
    write_png(folder / "textures" / "wood.png")
    scene_with_image("//textures/wood.png")
    save(folder / "scene.blend")


def backslash(folder: Path) -> None:
    write_png(folder / "textures" / "wood.png")
    scene_with_image("//textures\\wood.png")
    save(folder / "scene.blend")


def windows(folder: Path) -> None:
    scene_with_image("C:\\show\\textures\\wood.png")
    save(folder / "scene.blend")


def absolute(folder: Path) -> None:
    write_png(folder / "elsewhere" / "wood.png")
    scene_with_image(str(folder / "elsewhere" / "wood.png"))
    save(folder / "scene.blend")


def sequence(folder: Path) -> None:
    """A numbered sequence and a tiled image."""
    for frame in (1, 2, 3):
        write_png(folder / "plates" / f"plate_{frame:04d}.png")
    for tile in (1001, 1002):
        write_png(folder / f"skin.{tile}.png")
    scene_with_image("//plates/plate_0001.png", source="SEQUENCE")
    add_image("//skin.<UDIM>.png", source="TILED")
    save(folder / "scene.blend")


def linked(folder: Path) -> None:
    """A library outside of the scene's folder, with a texture of its own and a library of its own."""
    write_png(folder / "shared" / "tex" / "bark.png")
    empty()
    bpy.data.materials.new("Moss").use_fake_user = True
    save(folder / "other" / "moss.blend")
    empty()
    save(folder / "shared" / "tree.blend")  # a file without a place has no relative references
    tree = add_plane("Tree")
    tree.data.materials.append(material_with_image("//tex/bark.png"))
    with bpy.data.libraries.load(str(folder / "other" / "moss.blend"), link=True, relative=True) as (_, wanted):
        wanted.materials = ["Moss"]
    tree.data.materials.append(bpy.data.materials["Moss"])
    save(folder / "shared" / "tree.blend")
    empty()
    add_camera()
    save(folder / "shot" / "scene.blend")
    with bpy.data.libraries.load(str(folder / "shared" / "tree.blend"), link=True, relative=True) as (_, wanted):
        wanted.objects = ["Tree"]
    bpy.context.scene.collection.objects.link(bpy.data.objects["Tree"])
    save(folder / "shot" / "scene.blend")


def beside(folder: Path) -> None:
    """A library and its texture below the scene's own folder, as a folder that is registered whole has them."""
    write_png(folder / "lib" / "tex" / "bark.png")
    empty()
    save(folder / "lib" / "tree.blend")
    tree = add_plane("Tree")
    tree.data.materials.append(material_with_image("//tex/bark.png"))
    save(folder / "lib" / "tree.blend")
    empty()
    add_camera()
    save(folder / "scene.blend")
    with bpy.data.libraries.load(str(folder / "lib" / "tree.blend"), link=True, relative=True) as (_, wanted):
        wanted.objects = ["Tree"]
    bpy.context.scene.collection.objects.link(bpy.data.objects["Tree"])
    save(folder / "scene.blend")


def no_camera(folder: Path) -> None:
    empty()
    add_plane("Plane")
    save(folder / "scene.blend")


def simulated(folder: Path) -> None:
    """Cloth, particles, rigid bodies and a simulation zone, none baked."""
    empty()
    add_camera()
    sheet = add_plane("Sheet")
    sheet.modifiers.new("Cloth", "CLOTH")
    source = add_plane("Source")
    source.modifiers.new("Sparks", "PARTICLE_SYSTEM")
    grower = add_plane("Grower")
    group = bpy.data.node_groups.new("Grow", "GeometryNodeTree")
    begin = group.nodes.new("GeometryNodeSimulationInput")
    begin.pair_with_output(group.nodes.new("GeometryNodeSimulationOutput"))
    grower.modifiers.new("Grow", "NODES").node_group = group
    save(folder / "scene.blend")


def scripts(folder: Path) -> None:
    """A text that registers itself and a frame handler, and a driver; each would write a file."""
    empty()
    add_camera()
    plane = add_plane("Plane")
    ran = folder.parent / RAN
    text = bpy.data.texts.new("autorun.py")
    text.write(
        f"import bpy\nopen({str(ran) + '-text'!r}, 'w')\n"
        f"def each_frame(scene, *_):\n    open({str(ran) + '-handler'!r}, 'w')\n"
        "bpy.app.handlers.frame_change_pre.append(each_frame)\n"
    )
    text.use_module = True
    driver = plane.driver_add("location", 2).driver
    driver.expression = f"__import__('os').open({str(ran) + '-driver'!r}, 65)"
    simple = plane.driver_add("location", 0).driver
    simple.expression = "frame * 0.1 + 1"
    save(folder / "scene.blend")


def plain(folder: Path) -> None:
    """Uncompressed, to be cut and flipped."""
    empty()
    add_camera()
    add_plane("Plane")
    material_with_image("//none.png")
    save(folder / "scene.blend", compress=False)


RECIPES: tuple[Callable[[Path], None], ...] = (
    textured, backslash, windows, absolute, sequence, linked, beside, no_camera, simulated, scripts, plain,
)  # fmt: skip


def empty() -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.scene.render.engine = "CYCLES"


def scene_with_image(raw: str, *, source: str = "FILE") -> None:
    empty()
    add_camera()
    add_plane("Plane").data.materials.append(material_with_image(raw, source=source))


def add_camera() -> None:
    scene = bpy.context.scene
    scene.camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(scene.camera)


def add_plane(name: str) -> Any:
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], [], [(0, 1, 2, 3)])
    plane = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(plane)
    return plane


def material_with_image(raw: str, *, source: str = "FILE") -> Any:
    material = bpy.data.materials.new("Material")
    material.node_tree.nodes.new("ShaderNodeTexImage").image = add_image(raw, source=source)
    return material


def add_image(raw: str, *, source: str = "FILE") -> Any:
    image = bpy.data.images.new("Image", 4, 4)
    image.source = source
    image.filepath_raw = raw
    if source == "TILED":
        material = bpy.data.materials.new("Tiled")
        material.use_fake_user = True
        material.node_tree.nodes.new("ShaderNodeTexImage").image = image
    return image


def save(path: Path, *, compress: bool = True) -> None:
    """Without touching the references: saving elsewhere would rewrite them."""
    bpy.ops.wm.save_as_mainfile(filepath=str(made(path)), compress=compress, relative_remap=False, check_existing=False)


def made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_png(path: Path) -> None:
    """Four grey pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\x00" + b"\x80" * 6 for _ in range(2))
    made(path).write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 2, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for recipe in RECIPES:
        recipe(target / recipe.__name__)
    sys.stdout.flush()
    os._exit(0)
