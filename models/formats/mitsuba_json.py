"""A Mitsuba dict scene, stored as JSON: the same tree as from XML, so that the same checks hold.

An object is ``{"type": plugin, …}`` and its key is its id; ``{"type": "ref", "id": …}``,
``{"type": "rgb", "value": …}`` and ``{"type": "spectrum", "value": … | "filename": …}`` are Mitsuba's own. A transform,
which Python has an object for, is a list of steps, the first applied first: ``{"translate": [x, y, z]}``,
``{"scale": s | [x, y, z]}``, ``{"rotate": {"axis": [x, y, z], "angle": degrees}}``,
``{"look_at": {"origin", "target", "up"}}``, ``{"matrix": [16 numbers]}``.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NoReturn
from xml.etree.ElementTree import Element, SubElement

from models.errors import ModelInvalid
from models.formats.json_text import check_values
from models.formats.mitsuba_plugins import TAG_OF
from models.formats.mitsuba_xml import MAX_DEPTH, MAX_FILE_BYTES

_HOW = "docs/pipelines/mitsuba.md shows the form of a JSON scene."


def scene_from_json(path: Path) -> Element:
    """``<scene>`` as the XML reader would have it, not yet checked; raises ``ModelInvalid``."""
    if not path.is_file():
        raise ModelInvalid(f"{path.name} is not in the model.", remedy="Upload it.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ModelInvalid(
            f"{path.name} has more than {MAX_FILE_BYTES} bytes.", remedy="Keep geometry and pictures in files."
        )
    text = path.read_bytes()
    check_values(text, path.name)
    try:
        data = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise ModelInvalid(f"{path.name} is not a JSON scene: {error}.", remedy=_HOW) from error
    if not isinstance(data, dict) or data.get("type") != "scene":
        raise ModelInvalid(f"{path.name} is not a JSON scene: its type is not 'scene'.", remedy=_HOW)
    top = Element("scene", {"version": "3.0.0"})
    _fill(top, data, depth=1)
    return top


def _fill(parent: Element, data: dict[str, Any], *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ModelInvalid(f"The scene nests more than {MAX_DEPTH} objects.", remedy="Flatten it.")
    for name, value in data.items():
        if name not in ("type", "id"):
            _add(parent, name, value, depth=depth)


def _add(parent: Element, name: str, value: Any, *, depth: int) -> None:
    match value:
        case bool():
            SubElement(parent, "boolean", {"name": name, "value": "true" if value else "false"})
        case int():
            SubElement(parent, "integer", {"name": name, "value": str(value)})
        case float():
            SubElement(parent, "float", {"name": name, "value": _number(value)})
        case str():
            SubElement(parent, "string", {"name": name, "value": value})
        case [int() | float(), *_]:
            x, y, z = _numbers(value, 3, name)
            SubElement(parent, "vector", {"name": name, "x": x, "y": y, "z": z})
        case [dict(), *_] if all(isinstance(step, dict) and "type" not in step for step in value):
            transform = SubElement(parent, "transform", {"name": name})
            for step in value:
                _add_step(transform, step, name)
        case {"type": str()}:
            _add_object(parent, name, value, depth=depth)
        case _:
            raise ModelInvalid(f"The scene's {name!r} is neither a value, an object nor a transform.", remedy=_HOW)


def _add_object(parent: Element, name: str, value: dict[str, Any], *, depth: int) -> None:
    kind = value["type"]
    if kind == "ref":
        SubElement(parent, "ref", {"name": name, "id": str(value.get("id", ""))})
    elif kind in ("rgb", "spectrum"):
        attributes = {"name": name}
        if "filename" in value:
            attributes["filename"] = str(value["filename"])
        else:
            attributes["value"] = _values(value.get("value"), name)
        SubElement(parent, kind, attributes)
    elif kind in TAG_OF:
        element = SubElement(parent, TAG_OF[kind], {"type": kind, "name": name, "id": str(value.get("id", name))})
        if parent.tag != "scene" and "id" not in value:
            del element.attrib["id"]  # a property's name is no id: two shapes may both have a `bsdf`
        _fill(element, value, depth=depth + 1)
    else:
        raise ModelInvalid(f"The scene uses the plugin {kind[:80]!r}, which this farm does not run.", remedy=_HOW)


def _add_step(transform: Element, step: dict[str, Any], name: str) -> None:
    match step:
        case {"translate": list(value)} | {"scale": list(value)} if len(step) == 1:
            x, y, z = _numbers(value, 3, name)
            SubElement(transform, next(iter(step)), {"x": x, "y": y, "z": z})
        case {"scale": int() | float() as factor} if len(step) == 1:
            SubElement(transform, "scale", {"value": _number(factor)})
        case {"rotate": {"axis": list(axis), "angle": int() | float() as angle}} if len(step) == 1:
            x, y, z = _numbers(axis, 3, name)
            SubElement(transform, "rotate", {"x": x, "y": y, "z": z, "angle": _number(angle)})
        case {"look_at": {"origin": list(origin), "target": list(target), "up": list(up)}} if len(step) == 1:
            places = {"origin": origin, "target": target, "up": up}
            SubElement(transform, "lookat", {key: ", ".join(_numbers(place, 3, name)) for key, place in places.items()})
        case {"matrix": list(rows)} if len(step) == 1:
            flat = [item for row in rows for item in (row if isinstance(row, list) else [row])]
            SubElement(transform, "matrix", {"value": " ".join(_numbers(flat, 16, name))})
        case _:
            raise ModelInvalid(f"A step of the transform {name!r} is not known: {sorted(step)}.", remedy=_HOW)


def _values(value: Any, name: str) -> str:
    """Of a colour or spectrum: a number, three of them, or pairs of wavelength (nm) and value."""
    match value:
        case int() | float():
            return _number(value)
        case [[_, _], *_]:
            return ", ".join(":".join(_numbers(pair, 2, name)) for pair in value)
        case [_, _, _]:
            return ", ".join(_numbers(value, 3, name))
    raise ModelInvalid(f"The colour or spectrum {name!r} has no value that can be read.", remedy=_HOW)


def _numbers(values: Any, count: int, name: str) -> list[str]:
    if not isinstance(values, list) or len(values) != count:
        raise ModelInvalid(f"The scene's {name!r} needs {count} numbers.", remedy=_HOW)
    return [_number(value) for value in values]


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ModelInvalid(f"{value!r} is not a number.", remedy=_HOW)
    return repr(value)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a number")
