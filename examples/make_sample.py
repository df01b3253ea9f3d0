# SPDX-License-Identifier: GPL-3.0-or-later
"""Build the sample scene: a polished armillary that turns on a dark studio sweep, all of it procedural.

Run it with the environment that has `bpy`:

    python examples/make_sample.py examples/sample.blend [--still docs/images/sample.png --frame 9]

24 frames, 640x360, a seamless loop. Everything in the file is made here: no texture, font or library is read.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import bpy
from mathutils import Euler, Vector
from sample_materials import Colour, enamel, glass, glow, metal, principled, stone

FRAMES = 24
"""Length of the loop; frame 25 would equal frame 1."""
FRAMES_PER_SECOND = 12
CENTRE = Vector((0.0, 0.0, 1.62))
"""Middle of the armillary, where the camera looks and focuses."""

BRASS: Colour = (0.90, 0.58, 0.22)
COPPER: Colour = (0.86, 0.33, 0.20)
STEEL: Colour = (0.70, 0.74, 0.80)
PETROL: Colour = (0.028, 0.085, 0.115)
CORAL: Colour = (0.86, 0.13, 0.07)
PEARL: Colour = (0.88, 0.82, 0.74)
COBALT: Colour = (0.02, 0.09, 0.48)
JADE: Colour = (0.42, 0.93, 0.74)
AMBER: Colour = (1.0, 0.55, 0.16)


def main() -> None:
    """Build the scene, save it, and render one still if asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("blend", type=Path, help="where the .blend is written")
    parser.add_argument("--still", type=Path, help="also render one frame to this PNG")
    parser.add_argument("--frame", type=int, default=9, help="the frame of --still (default 9)")
    arguments = parser.parse_args()

    scene = empty_scene()
    light_studio(scene)
    build_sweep()
    build_plinth()
    build_armillary()
    build_planets()
    scatter_bokeh()
    place_camera(scene)
    choose_render_settings(scene)

    arguments.blend.parent.mkdir(parents=True, exist_ok=True)
    bpy.ops.wm.save_as_mainfile(filepath=str(arguments.blend.resolve()), compress=True, check_existing=False)
    if arguments.still is not None:
        render_still(scene, arguments.still, arguments.frame)
    sys.stdout.flush()
    os._exit(0)  # bpy may crash in its own exit handlers


def empty_scene() -> bpy.types.Scene:
    """Start from a file with nothing in it, and with linear keyframes."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.context.preferences.edit.keyframe_new_interpolation_type = "LINEAR"
    scene = bpy.context.scene
    scene.name = "Armillary"
    return scene


# --- shapes ---------------------------------------------------------------------------------------------------------


def revolve(
    name: str, profile: Sequence[tuple[float, float]], material: bpy.types.Material, *, steps: int = 128
) -> bpy.types.Object:
    """A smooth solid of revolution about Z from a closed (radius, height) profile."""
    vertices = [
        (radius * math.cos(turn), radius * math.sin(turn), height)
        for turn in (math.tau * step / steps for step in range(steps))
        for radius, height in profile
    ]
    rows = len(profile)
    faces = [
        (
            step * rows + row,
            ((step + 1) % steps) * rows + row,
            ((step + 1) % steps) * rows + (row + 1) % rows,
            step * rows + (row + 1) % rows,
        )
        for step in range(steps)
        for row in range(rows)
    ]
    return add_mesh(name, vertices, faces, material)


def add_mesh(
    name: str,
    vertices: Sequence[tuple[float, float, float]],
    faces: Sequence[tuple[int, ...]],
    material: bpy.types.Material,
) -> bpy.types.Object:
    """Put a smooth-shaded mesh object into the scene."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata(vertices, [], faces)
    mesh.materials.append(material)
    mesh.shade_smooth()
    thing = bpy.data.objects.new(name, mesh)
    bpy.context.scene.collection.objects.link(thing)
    return thing


def rounded_box_profile(inner: float, outer: float, low: float, high: float, bevel: float) -> list[tuple[float, float]]:
    """A rectangle in (radius, height) with rounded corners, counter-clockwise."""
    corners = (
        (outer - bevel, low + bevel, -90.0),
        (outer - bevel, high - bevel, 0.0),
        (inner + bevel, high - bevel, 90.0),
        (inner + bevel, low + bevel, 180.0),
    )
    return [
        (
            x + bevel * math.cos(math.radians(start + part * 22.5)),
            y + bevel * math.sin(math.radians(start + part * 22.5)),
        )
        for x, y, start in corners
        for part in range(5)
    ]


def band(name: str, radius: float, material: bpy.types.Material, *, width: float, depth: float) -> bpy.types.Object:
    """A flat ring of the armillary with rounded edges."""
    return revolve(name, rounded_box_profile(radius - depth, radius, -width / 2, width / 2, 0.014), material, steps=160)


def sphere(
    name: str, radius: float, material: bpy.types.Material, place: Vector, *, segments: int = 64
) -> bpy.types.Object:
    """A smooth ball."""
    bpy.ops.mesh.primitive_uv_sphere_add(segments=segments, ring_count=segments // 2, radius=radius, location=place)
    ball = bpy.context.object
    ball.name = ball.data.name = name
    ball.data.materials.append(material)
    ball.data.shade_smooth()
    return ball


# --- the scene ------------------------------------------------------------------------------------------------------


def build_sweep() -> None:
    """The floor that curves up into the backdrop, as in a photographer's studio."""
    floor = principled("Sweep", PETROL, Roughness=0.38, Specular_IOR_Level=0.35)
    start, back, curve, top, half_width = -16.0, 7.0, 5.0, 16.0, 26.0
    profile = [(start, 0.0), (back - curve, 0.0)]
    profile += [
        (back - curve + curve * math.sin(angle), curve - curve * math.cos(angle))
        for angle in (math.pi / 2 * step / 24 for step in range(1, 25))
    ]
    profile.append((back, top))
    vertices = [(side, y, z) for y, z in profile for side in (-half_width, half_width)]
    faces = [(2 * row, 2 * row + 1, 2 * row + 3, 2 * row + 2) for row in range(len(profile) - 1)]
    add_mesh("Sweep", vertices, faces, floor)


def build_plinth() -> None:
    """Two stone discs with a brass inlay, and the stem that carries the rings."""
    dark, brass = stone("Stone"), metal("Plinth brass", BRASS, 0.14)
    revolve("Plinth foot", [(0.0, 0.0), *rounded_box_profile(0.0, 1.55, 0.0, 0.16, 0.03)[:10], (0.0, 0.16)], dark)
    revolve("Plinth inlay", rounded_box_profile(1.02, 1.30, 0.13, 0.185, 0.02), brass)
    revolve("Plinth top", [(0.0, 0.16), *rounded_box_profile(0.0, 0.98, 0.16, 0.34, 0.03)[:10], (0.0, 0.34)], dark)
    stem = [
        (0.0, 0.33),
        (0.36, 0.33),
        (0.35, 0.37),
        (0.20, 0.40),
        (0.10, 0.46),
        (0.065, 0.52),
        (0.10, 0.55),
        (0.0, 0.60),
    ]
    revolve("Stem", stem, brass)


def build_armillary() -> None:
    """Nested rings on crossed axes about a glass ball with a glowing seed."""
    rings = (
        ("Ring meridian", 1.08, BRASS, 0.12, (90.0, 0.0, 20.0), 0),
        ("Ring equator", 0.97, COPPER, 0.20, (18.0, 26.0, 0.0), 1),
        ("Ring tropic", 0.84, STEEL, 0.09, (64.0, 38.0, 0.0), 2),
        ("Ring ecliptic", 0.73, BRASS, 0.15, (-40.0, 62.0, 30.0), 1),
    )
    for name, radius, colour, width, tilt, axis in rings:
        ring = band(name, radius, metal(name, colour, 0.13), width=width, depth=0.055)
        ring.location = CENTRE
        rest = [math.radians(angle) for angle in tilt]
        # Half a turn brings a ring back onto itself, so the loop closes without a jump.
        sway = 0.0 if name == "Ring meridian" else math.pi
        animate(ring, "rotation_euler", lambda t, rest=rest, axis=axis, sway=sway: turned(rest, axis, sway * t))
    sphere("Glass heart", 0.44, glass("Heart glass", (0.93, 0.98, 1.0)), CENTRE)
    seed = sphere("Seed", 0.16, glow("Seed light", (1.0, 0.27, 0.03), 1.9), CENTRE)
    animate(seed, "scale", lambda t: (1.0 + 0.10 * math.sin(math.tau * t),) * 3)


def build_planets() -> None:
    """Balls that circle the rings, and a few that rest on the floor."""
    jewels = (
        ("Coral", enamel("Coral enamel", CORAL), 0.19),
        ("Pearl", enamel("Pearl enamel", PEARL), 0.12),
        ("Jade", glass("Jade glass", JADE), 0.20),
        ("Cobalt", enamel("Cobalt enamel", COBALT), 0.15),
        ("Chrome", metal("Chrome", STEEL, 0.04), 0.13),
        ("Amber", glass("Amber glass", AMBER), 0.16),
    )
    for place, (name, material, radius) in enumerate(jewels):
        planet = sphere(f"Planet {name}", radius, material, CENTRE)
        # Balls differ from each other, so the loop closes only if each goes all the way round.
        animate(planet, "location", lambda t, place=place: orbit(place / len(jewels) + t))
    resting = (
        ("Marble", glass("Marble glass", (0.98, 0.62, 0.50)), 0.30, (-1.95, -1.05)),
        ("Ink", enamel("Ink enamel", COBALT), 0.22, (2.05, -0.75)),
        ("Drop", metal("Drop brass", BRASS, 0.10), 0.16, (-1.48, -1.52)),
        ("Bead", enamel("Bead enamel", CORAL), 0.12, (1.66, -1.38)),
    )
    for name, material, radius, (x, y) in resting:
        sphere(f"Resting {name}", radius, material, Vector((x, y, radius)))


def scatter_bokeh() -> None:
    """Small lamps far behind the subject: out of focus they become soft discs."""
    warm, cool = glow("Bokeh warm", (1.0, 0.46, 0.14), 16.0), glow("Bokeh cool", (0.30, 0.72, 1.0), 7.0)
    for material in (warm, cool):
        material.cycles.emission_sampling = "NONE"
    for step in range(22):
        # The golden ratio spreads the lamps without clumps and without a random generator.
        across = ((step * 0.618034) % 1.0 - 0.5) * 11.0
        height = 1.3 + ((step * 0.754878) % 1.0) * 2.9
        shade = cool if step % 4 == 3 else warm
        lamp = sphere(f"Bokeh {step:02d}", 0.02 + 0.014 * (step % 3), shade, Vector((across, 5.0, height)), segments=12)
        lamp.visible_diffuse = lamp.visible_glossy = False  # they are for the lens alone, and noise elsewhere


def light_studio(scene: bpy.types.Scene) -> None:
    """A dim blue sky, a warm key, a cool rim, and a strip for long highlights in the metal."""
    world = bpy.data.worlds.new("Dusk")
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (0.10, 0.20, 0.30, 1.0)
    background.inputs["Strength"].default_value = 0.22
    scene.world = world
    lamps = (
        ("Key", (1.0, 0.78, 0.55), 620.0, (3.2, 2.2), (-4.6, -3.4, 5.4)),
        ("Rim", (0.42, 0.72, 1.0), 520.0, (2.0, 3.0), (4.6, 3.0, 4.4)),
        ("Strip", (1.0, 0.94, 0.88), 230.0, (0.5, 4.4), (4.2, -3.6, 2.6)),
        ("Top", (1.0, 0.90, 0.80), 260.0, (2.6, 2.6), (0.0, 0.6, 6.2)),
    )
    for name, colour, power, (width, height), place in lamps:
        data = bpy.data.lights.new(name, "AREA")
        data.shape, data.size, data.size_y = "RECTANGLE", width, height
        data.color, data.energy = colour, power
        lamp = bpy.data.objects.new(name, data)
        lamp.location = place
        lamp.rotation_euler = (CENTRE - Vector(place)).to_track_quat("-Z", "Y").to_euler()
        scene.collection.objects.link(lamp)


def place_camera(scene: bpy.types.Scene) -> None:
    """A long lens that sways about the subject and comes back."""
    data = bpy.data.cameras.new("Camera")
    data.lens = 54.0
    data.dof.use_dof = True
    data.dof.aperture_fstop = 0.38
    data.dof.aperture_blades = 9
    camera = bpy.data.objects.new("Camera", data)
    scene.collection.objects.link(camera)
    scene.camera = camera
    target = CENTRE + Vector((0.0, 0.0, -0.42))

    def stand(t: float) -> Vector:
        angle = math.radians(-90.0 + 11.0 * math.sin(math.tau * t))
        distance = 8.5 - 0.35 * math.cos(math.tau * t)
        return target + Vector(
            (distance * math.cos(angle), distance * math.sin(angle), 1.05 + 0.22 * math.cos(math.tau * t))
        )

    animate(camera, "location", stand)
    animate(camera, "rotation_euler", lambda t: (target - stand(t)).to_track_quat("-Z", "Y").to_euler())
    animate(data.dof, "focus_distance", lambda t: (CENTRE - stand(t)).length - 0.55, owner=data)


def choose_render_settings(scene: bpy.types.Scene) -> None:
    """Few samples and a denoiser: about five seconds a frame on two cores."""
    scene.frame_start, scene.frame_end = 1, FRAMES
    scene.render.fps = FRAMES_PER_SECOND
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.render.resolution_percentage = 100
    scene.render.image_settings.file_format = "PNG"
    scene.render.use_motion_blur = False
    scene.cycles.device = "CPU"
    scene.cycles.samples = 10
    scene.cycles.use_adaptive_sampling = False
    scene.cycles.use_denoising = True
    scene.cycles.denoiser = "OPENIMAGEDENOISE"
    scene.cycles.denoising_quality = "BALANCED"
    scene.cycles.denoising_prefilter = "FAST"
    scene.cycles.use_light_tree = False  # four lamps: the tree costs a third of the frame and gains nothing
    scene.cycles.max_bounces = 7
    scene.cycles.diffuse_bounces = 1
    scene.cycles.glossy_bounces = 4
    scene.cycles.transmission_bounces = 7
    scene.cycles.caustics_reflective = False
    scene.cycles.caustics_refractive = False
    scene.cycles.sample_clamp_indirect = 4.0
    scene.view_settings.view_transform = "AgX"
    scene.view_settings.look = "AgX - Medium High Contrast"
    scene.view_settings.exposure = 0.25


def render_still(scene: bpy.types.Scene, path: Path, frame: int) -> None:
    """Render one frame to a PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scene.frame_set(frame)
    scene.render.image_settings.color_mode = "RGB"
    scene.render.image_settings.compression = 90
    scene.render.filepath = str(path.resolve())
    bpy.ops.render.render(write_still=True)


# --- motion ---------------------------------------------------------------------------------------------------------


def animate(
    thing: bpy.types.bpy_struct, path: str, value: Callable[[float], object], *, owner: bpy.types.ID | None = None
) -> None:
    """Key `path` on every frame of the loop; `value` takes the loop's time, 0 to 1."""
    data_path = path if owner is None else f"dof.{path}"
    for frame in range(1, FRAMES + 2):
        setattr(thing, path, value((frame - 1) / FRAMES))
        (owner or thing).keyframe_insert(data_path, frame=frame)


def turned(rest: Sequence[float], axis: int, angle: float) -> Euler:
    """The rest pose of a ring, turned about one world axis."""
    spin = Euler([angle if each == axis else 0.0 for each in range(3)]).to_matrix()
    return (spin @ Euler(rest).to_matrix()).to_euler()


def orbit(turn: float) -> Vector:
    """A place on the tilted circle of the planets."""
    angle = math.tau * turn
    flat = Vector((1.62 * math.cos(angle), 1.62 * math.sin(angle), 0.0))
    flat.rotate(Euler((math.radians(-12.0), math.radians(16.0), 0.0)))
    return CENTRE + flat


if __name__ == "__main__":
    main()
