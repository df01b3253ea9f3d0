"""Builds the .blend files of these tests; run as ``python build_scenes.py FOLDER`` in a process of its own."""

from __future__ import annotations

import os
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

FOLDER = Path(sys.argv[1])


def fresh() -> Any:
    """A moving cube, two cameras, two view layers; 64x36, 4 samples."""
    bpy.ops.wm.read_factory_settings()
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = 64, 36
    scene.cycles.samples, scene.cycles.seed, scene.cycles.use_denoising = 4, 7, False
    cube = bpy.data.objects["Cube"]
    cube.keyframe_insert("location", frame=1)
    cube.location.x = 2
    cube.keyframe_insert("location", frame=10)
    second = bpy.data.objects.new("Second Camera", bpy.data.cameras.new("Second Camera"))
    second.location, second.rotation_euler = (0, -8, 1), (1.5, 0, 0)
    scene.collection.objects.link(second)
    scene.view_layers.new("Extra Layer")
    return scene


def save(name: str) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / f"{name}.blend"))


def script(target: str) -> str:
    return f"open({str(FOLDER / target)!r}, 'w').write('ran')\n"


def plain() -> None:
    fresh()
    save("plain")


def look() -> None:
    """Colour management of its own, and a transparent film."""
    scene = fresh()
    view = scene.view_settings
    view.view_transform, view.look, view.exposure, view.gamma = "Filmic", "High Contrast", 0.6, 1.1
    view.use_white_balance, view.white_balance_temperature = True, 4000
    scene.render.film_transparent = True
    save("look")


def optix() -> None:
    scene = fresh()
    scene.cycles.use_denoising = True
    scene.cycles["denoiser"] = 2  # OptiX, which this machine has no word for
    save("optix")


def animated_samples() -> None:
    scene = fresh()
    scene.keyframe_insert("cycles.samples", frame=1)
    save("animated")


def sequence() -> None:
    """The sequencer shows plain red; then its strip is muted, then the strip's channel instead."""
    scene = fresh()
    editor = scene.sequence_editor_create()
    red = editor.strips.new_effect("Red", "COLOR", channel=2, frame_start=1, length=250)
    red.color = (1, 0, 0)
    save("sequence")
    red.mute = True
    save("sequence_muted")
    red.mute, editor.channels[2].mute = False, True
    save("sequence_channel_muted")


def animated_by_strips() -> None:
    """Two strips of the NLA editor, one of them in a meta strip, and an action put aside while a strip is edited."""
    scene = fresh()
    window = bpy.context.window
    area = window.screen.areas[0]
    area.type = "NLA_EDITOR"
    region = next(region for region in area.regions if region.type == "WINDOW")
    extra = scene.view_layers["Extra Layer"]
    extra.use = extra.use_pass_z = extra.cycles.denoising_store_passes = False
    for number, (owner, name) in enumerate([(scene.cycles, "samples"), (extra, "use"), (extra, "use_pass_z")]):
        owner.keyframe_insert(name, frame=1)
        if name == "use":
            scene.keyframe_insert('view_layers["Extra Layer"].cycles.denoising_store_passes', frame=1)
        animation = scene.animation_data
        if number < 2:
            track = animation.nla_tracks.new()
            track.strips.new(name, 1, animation.action)
            animation.action = None
    [meta, edited] = animation.nla_tracks
    with bpy.context.temp_override(window=window, area=area, region=region):
        meta.select = meta.strips[0].select = True
        edited.select = edited.strips[0].select = False
        bpy.ops.nla.meta_add()
    assert [strip.type for track in animation.nla_tracks for strip in track.strips] == ["META", "CLIP"]
    save("strips")
    edited.strips[0].select = True
    animation.nla_tracks.active = edited
    animation.use_tweak_mode = True
    assert animation.action_tweak_storage is not None
    save("edited-strip")


def bound_camera() -> None:
    scene = fresh()
    scene.timeline_markers.new("cut", frame=2).camera = bpy.data.objects["Second Camera"]
    save("markers")


def region() -> None:
    """A render region of its own, in the upper right."""
    render = fresh().render
    render.use_border = True
    render.border_max_x, render.border_max_y = 0.9, 1.0
    render.border_min_x, render.border_min_y = 0.6, 0.7
    save("region")
    render.use_crop_to_border = True
    save("cropped")


def layer_samples() -> None:
    """A view layer with samples of its own, which win over the scene's."""
    scene = fresh()
    scene.cycles.use_layer_samples = "USE"
    scene.view_layers["ViewLayer"].samples = 9
    save("layer_samples")


def all_off() -> None:
    scene = fresh()
    scene.render.use_motion_blur = scene.cycles.use_adaptive_sampling = scene.cycles.use_denoising = False
    save("all_off")


def movie() -> None:
    scene = fresh()
    scene.render.image_settings.media_type = "VIDEO"
    scene.render.image_settings.file_format = "FFMPEG"
    save("movie")


def no_camera() -> None:
    scene = fresh()
    for item in [item for item in scene.objects if item.type == "CAMERA"]:
        bpy.data.objects.remove(item)
    save("no_camera")


def stereo() -> None:
    fresh().render.use_multiview = True
    save("stereo")


def scripts() -> None:
    scene = fresh()
    text = bpy.data.texts.new("register_me.py")
    handler = f"import bpy\ndef on_change(*_):\n    {script('handler_ran')}"
    handler += "bpy.app.handlers.frame_change_pre.append(on_change)\n"
    text.write(script("text_ran") + handler)
    text.use_module = True
    driver = bpy.data.objects["Cube"].driver_add("scale", 0).driver
    driver.expression = f"open({str(FOLDER / 'driver_ran')!r}, 'w').write('x') and 1.0"
    simple = bpy.data.objects["Cube"].driver_add("scale", 1).driver
    simple.expression = "frame * 0.1 + 1"
    scene.render.use_freestyle = True
    layer = scene.view_layers[0]
    layer.use_freestyle = True
    layer.freestyle_settings.mode = "SCRIPT"
    style = bpy.data.texts.new("style.py")
    style.write(script("style_ran"))
    layer.freestyle_settings.modules.new().script = style
    save("scripts")


def file_output() -> None:
    """Two nodes that aim outside: one in the scene's tree, one in a group inside it."""
    scene = fresh()
    tree = bpy.data.node_groups.new("Compositing", "CompositorNodeTree")
    tree.interface.new_socket("Image", in_out="OUTPUT", socket_type="NodeSocketColor")
    layers, end = tree.nodes.new("CompositorNodeRLayers"), tree.nodes.new("NodeGroupOutput")
    tree.links.new(layers.outputs["Image"], end.inputs[0])
    inner = bpy.data.node_groups.new("Inner", "CompositorNodeTree")
    inner.interface.new_socket("Image", in_out="INPUT", socket_type="NodeSocketColor")
    start = inner.nodes.new("NodeGroupInput")
    group = tree.nodes.new("CompositorNodeGroup")
    group.node_tree = inner
    tree.links.new(layers.outputs["Image"], group.inputs[0])
    for where, source, label in ((tree, layers, "outer"), (inner, start, "inner")):
        node = where.nodes.new("CompositorNodeOutputFile")
        node.label = label
        node.directory, node.file_name = str(FOLDER / "escaped"), "../../escaped_"
        node.format.media_type, node.format.file_format = "IMAGE", "PNG"
        node.file_output_items.new("RGBA", "../../Image")
        where.links.new(source.outputs[0], node.inputs[0])
    scene.compositing_node_group = tree
    save("file_output")


def fluid() -> None:
    """A fluid that writes its cache while it plays, to a folder of its own choice."""
    fresh()
    modifier = bpy.data.objects["Cube"].modifiers.new("Fluid", "FLUID")
    modifier.fluid_type = "DOMAIN"
    domain = modifier.domain_settings
    domain.resolution_max, domain.cache_type = 6, "REPLAY"
    domain.cache_directory = str(FOLDER / "fluid_cache")
    save("fluid")
    shutil.rmtree(FOLDER / "fluid_cache", ignore_errors=True)


def cloth() -> None:
    """A cloth that falls over the cube; not baked."""
    scene = fresh()
    bpy.data.objects["Cube"].modifiers.new("Collision", "COLLISION")
    bpy.ops.mesh.primitive_grid_add(x_subdivisions=12, y_subdivisions=12, size=3, location=(0.5, 0.3, 1.6))
    bpy.context.object.modifiers.new("Cloth", "CLOTH")
    scene.frame_start, scene.frame_end = 1, 20
    save("cloth")


def gpu_scene() -> None:
    fresh().cycles.device = "GPU"
    save("gpu")


def external() -> None:
    """A texture and a linked library under references that exist nowhere on this machine."""
    fresh()
    image = bpy.data.images.new("paint", 8, 8)
    image.generated_color = (1, 0, 0, 1)
    (FOLDER / "files").mkdir()
    image.filepath_raw, image.file_format = str(FOLDER / "files" / "paint.png"), "PNG"
    image.save()
    bpy.ops.wm.read_factory_settings(use_empty=True)
    bpy.ops.mesh.primitive_monkey_add()
    bpy.context.object.name = "Monkey"
    bpy.ops.wm.save_as_mainfile(filepath=str(FOLDER / "files" / "library.blend"))
    scene = fresh()
    with bpy.data.libraries.load(str(FOLDER / "files" / "library.blend"), link=True) as (_, wanted):
        wanted.objects = ["Monkey"]
    scene.collection.objects.link(wanted.objects[0])
    cube = bpy.data.objects["Cube"]
    nodes = cube.material_slots[0].material.node_tree
    texture = nodes.nodes.new("ShaderNodeTexImage")
    texture.image = bpy.data.images.load(str(FOLDER / "files" / "paint.png"))
    nodes.links.new(texture.outputs["Color"], nodes.nodes["Principled BSDF"].inputs["Base Color"])
    save("external_found")
    texture.image.filepath = "C:\\art\\paint.png"
    bpy.data.libraries[0].filepath = "/elsewhere/library.blend"
    save("external")


def thief() -> None:
    """Geometry nodes write the text of a file elsewhere into the picture, as glowing letters; else it is black."""
    secret = FOLDER / "secret.txt"
    secret.write_text("secret-4711")
    scene = fresh()
    scene.world = None
    for item in [item for item in scene.objects if item.type == "LIGHT"]:
        bpy.data.objects.remove(item)
    glow = bpy.data.materials.new("Glow")
    glow.node_tree.nodes.clear()
    emission = glow.node_tree.nodes.new("ShaderNodeEmission")
    surface = glow.node_tree.nodes.new("ShaderNodeOutputMaterial")
    glow.node_tree.links.new(emission.outputs[0], surface.inputs[0])
    tree = bpy.data.node_groups.new("Thief", "GeometryNodeTree")
    tree.interface.new_socket("Geometry", in_out="OUTPUT", socket_type="NodeSocketGeometry")
    path = tree.nodes.new("FunctionNodeInputString")  # a plain reference in the node itself would be a known one
    path.string = str(secret)
    kinds = ("ImportText", "StringToCurves", "RealizeInstances", "FillCurve", "SetMaterial")
    chain = [path, *(tree.nodes.new(f"GeometryNode{kind}") for kind in kinds), tree.nodes.new("NodeGroupOutput")]
    chain[-2].inputs["Material"].default_value = glow
    for source, target in pairwise(chain):
        tree.links.new(source.outputs[0], target.inputs[0])
    cube = bpy.data.objects["Cube"]
    cube.animation_data_clear()
    cube.location = (-2, 0, 0)
    cube.modifiers.new("Thief", "NODES").node_group = tree
    scene.camera.location, scene.camera.rotation_euler = (0, 0, 9), (0, 0, 0)
    (FOLDER / "thief").mkdir()
    save("thief/thief")


if __name__ == "__main__":
    for build in (
        plain,
        look,
        cloth,
        gpu_scene,
        optix,
        animated_samples,
        animated_by_strips,
        sequence,
        bound_camera,
        region,
        layer_samples,
        all_off,
        movie,
        no_camera,
        stereo,
        scripts,
        file_output,
        fluid,
        external,
        thief,
    ):
        build()
    sys.stdout.flush()
    os._exit(0)
