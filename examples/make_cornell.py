"""Writes `examples/cornell.xml`: a box of five walls, a lamp and two blocks for Mitsuba 3, without any other file.

    python examples/make_cornell.py examples/cornell.xml

Every number of it is below, so the file is the same on every machine.
"""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

COLOURS = {"white": "0.73, 0.73, 0.71", "red": "0.61, 0.06, 0.05", "green": "0.12, 0.43, 0.11"}
WALLS = {
    "floor": ("white", {"x": "1", "angle": "-90"}, {"y": "-1"}),
    "ceiling": ("white", {"x": "1", "angle": "90"}, {"y": "1"}),
    "back": ("white", {"y": "1", "angle": "0"}, {"z": "-1"}),
    "left": ("red", {"y": "1", "angle": "90"}, {"x": "-1"}),
    "right": ("green", {"y": "1", "angle": "-90"}, {"x": "1"}),
}
"""Wall → colour, turn, move of a square of side 2 that looks along z."""
BLOCKS = {
    "low": ({"value": "0.3"}, {"y": "1", "angle": "-17"}, {"x": "0.35", "y": "-0.7", "z": "0.35"}),
    "high": ({"x": "0.3", "y": "0.6", "z": "0.3"}, {"y": "1", "angle": "18"}, {"x": "-0.33", "y": "-0.4", "z": "-0.3"}),
}
"""Block → size, turn, move of a cube of side 2."""


def scene() -> Element:
    """The whole scene; `spp` and `size` are parameters."""
    top = Element("scene", {"version": "3.0.0"})
    for name, value in (("spp", "16"), ("size", "128")):
        SubElement(top, "default", {"name": name, "value": value})
    integrator = SubElement(top, "integrator", {"type": "path"})
    SubElement(integrator, "integer", {"name": "max_depth", "value": "6"})
    add_camera(top)
    for name, colour in COLOURS.items():
        bsdf = SubElement(top, "bsdf", {"type": "diffuse", "id": name})
        SubElement(bsdf, "rgb", {"name": "reflectance", "value": colour})
    for name, (colour, turn, move) in WALLS.items():
        add_shape(top, "rectangle", name, colour, {"rotate": turn, "translate": move})
    for name, (size, turn, move) in BLOCKS.items():
        add_shape(top, "cube", name, "white", {"scale": size, "rotate": turn, "translate": move})
    lamp = add_shape(
        top,
        "rectangle",
        "lamp",
        "white",
        {"scale": {"value": "0.25"}, "rotate": {"x": "1", "angle": "90"}, "translate": {"y": "0.99"}},
    )
    emitter = SubElement(lamp, "emitter", {"type": "area"})
    SubElement(emitter, "rgb", {"name": "radiance", "value": "18.4, 15.6, 8.0"})
    indent(top)
    return top


def add_camera(top: Element) -> None:
    """A square picture from outside of the open wall."""
    sensor = SubElement(top, "sensor", {"type": "perspective", "id": "front"})
    SubElement(sensor, "float", {"name": "fov", "value": "39.3"})
    transform = SubElement(sensor, "transform", {"name": "to_world"})
    SubElement(transform, "lookat", {"origin": "0, 0, 3.9", "target": "0, 0, 0", "up": "0, 1, 0"})
    sampler = SubElement(sensor, "sampler", {"type": "independent"})
    SubElement(sampler, "integer", {"name": "sample_count", "value": "$spp"})
    film = SubElement(sensor, "film", {"type": "hdrfilm"})
    for name in ("width", "height"):
        SubElement(film, "integer", {"name": name, "value": "$size"})
    SubElement(film, "rfilter", {"type": "tent"})


def add_shape(top: Element, kind: str, name: str, colour: str, steps: dict[str, dict[str, str]]) -> Element:
    """A shape with its transform, whose steps are applied in their order."""
    shape = SubElement(top, "shape", {"type": kind, "id": name})
    transform = SubElement(shape, "transform", {"name": "to_world"})
    for step, attributes in steps.items():
        SubElement(transform, step, attributes)
    SubElement(shape, "ref", {"id": colour})
    return shape


if __name__ == "__main__":
    ElementTree(scene()).write(Path(sys.argv[1]), encoding="utf-8", xml_declaration=True)
