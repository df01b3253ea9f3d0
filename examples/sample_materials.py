# SPDX-License-Identifier: GPL-3.0-or-later
"""Materials of the sample scene: metals, glass, enamel, veined stone, a glow. All procedural."""

from __future__ import annotations

import bpy

Colour = tuple[float, float, float]
"""Scene-linear red, green, blue."""


def principled(name: str, colour: Colour, **inputs: float | Colour) -> bpy.types.Material:
    """One Principled material; `inputs` are its sockets with underscores for spaces."""
    material = bpy.data.materials.new(name)
    shader = material.node_tree.nodes["Principled BSDF"]
    shader.inputs["Base Color"].default_value = (*colour, 1.0)
    for key, value in inputs.items():
        socket = shader.inputs[key.replace("_", " ")]
        socket.default_value = (*value, 1.0) if isinstance(value, tuple) else value
    return material


def metal(name: str, colour: Colour, roughness: float) -> bpy.types.Material:
    """Polished metal with a faint brushed variation in its roughness."""
    material = principled(name, colour, Metallic=1.0, Roughness=roughness)
    tree = material.node_tree
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 9.0
    noise.inputs["Detail"].default_value = 3.0
    span = tree.nodes.new("ShaderNodeMapRange")
    span.inputs["To Min"].default_value = roughness * 0.6
    span.inputs["To Max"].default_value = roughness * 1.5
    tree.links.new(noise.outputs["Fac"], span.inputs["Value"])
    tree.links.new(span.outputs["Result"], tree.nodes["Principled BSDF"].inputs["Roughness"])
    return material


def glass(name: str, colour: Colour, ior: float = 1.45) -> bpy.types.Material:
    """Glass whose shadow is tinted light: caustics are off, and a black shadow would look like stone."""
    material = principled(name, colour, Roughness=0.0, IOR=ior, Transmission_Weight=1.0)
    tree = material.node_tree
    shader, output = tree.nodes["Principled BSDF"], tree.nodes["Material Output"]
    path = tree.nodes.new("ShaderNodeLightPath")
    clear = tree.nodes.new("ShaderNodeBsdfTransparent")
    clear.inputs["Color"].default_value = (*(0.35 + 0.6 * channel for channel in colour), 1.0)
    mix = tree.nodes.new("ShaderNodeMixShader")
    tree.links.new(path.outputs["Is Shadow Ray"], mix.inputs[0])
    tree.links.new(shader.outputs[0], mix.inputs[1])
    tree.links.new(clear.outputs[0], mix.inputs[2])
    tree.links.new(mix.outputs[0], output.inputs["Surface"])
    return material


def enamel(name: str, colour: Colour) -> bpy.types.Material:
    """Glossy lacquer: a coloured body under a clear coat."""
    return principled(name, colour, Roughness=0.28, Coat_Weight=1.0, Coat_Roughness=0.03)


def stone(name: str) -> bpy.types.Material:
    """Dark polished stone with pale veins."""
    material = principled(name, (0.01, 0.012, 0.016), Roughness=0.16, Coat_Weight=0.4)
    tree = material.node_tree
    place = tree.nodes.new("ShaderNodeTexCoord")
    noise = tree.nodes.new("ShaderNodeTexNoise")
    noise.inputs["Scale"].default_value = 1.7
    noise.inputs["Detail"].default_value = 7.0
    noise.inputs["Distortion"].default_value = 1.6
    ramp = tree.nodes.new("ShaderNodeValToRGB")
    ramp.color_ramp.elements[0].position = 0.47
    ramp.color_ramp.elements[0].color = (0.010, 0.014, 0.020, 1.0)
    ramp.color_ramp.elements[1].position = 0.53
    ramp.color_ramp.elements[1].color = (0.012, 0.018, 0.026, 1.0)
    ramp.color_ramp.elements.new(0.50).color = (0.30, 0.27, 0.22, 1.0)
    tree.links.new(place.outputs["Object"], noise.inputs["Vector"])
    tree.links.new(noise.outputs["Fac"], ramp.inputs["Fac"])
    tree.links.new(ramp.outputs["Color"], tree.nodes["Principled BSDF"].inputs["Base Color"])
    return material


def glow(name: str, colour: Colour, strength: float) -> bpy.types.Material:
    """A surface that gives light."""
    return principled(name, (0.0, 0.0, 0.0), Emission_Color=colour, Emission_Strength=strength)
