"""Reads a Mitsuba scene without trusting it: no engine, no DTD, nothing outside of the model's folder.

What comes out is a tree of its own: parameters are put in, included files are in their place, every file is named by
its manifest path, every tag and plugin is one that is known. The engine is given that tree and never the file, so that
no difference between two XML readers can smuggle anything past these checks.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException  # type: ignore[import-untyped]
from defusedxml.ElementTree import iterparse  # type: ignore[import-untyped]

from models.errors import ModelInvalid
from models.formats.mitsuba_plugins import (
    ATTRIBUTES,
    PLUGINS,
    STRUCTURE,
    TRANSFORMS,
    VALUES,
    is_file_property,
)

MAX_FILE_BYTES = 64 << 20
"""Of one XML file. Geometry and pictures are files of their own; a scene of 100,000 shapes has some 40 MB."""
MAX_ELEMENTS = 1_000_000
"""Of the scene with all that it includes."""
MAX_DEPTH = 64
"""Tags inside tags; real scenes stay below 12."""
MAX_INCLUDES = 256
MAX_INCLUDE_DEPTH = 16
MAX_VALUE_CHARS = 1 << 20
"""Of one attribute after its parameters are put in: a measured spectrum fits."""
MAX_EXPANDED_CHARS = 128 << 20
"""Of all attributes together: parameters that multiply each other end here."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_MATERIAL = re.compile(r"^[A-Za-z0-9_+.,() -]{0,80}$")
_OUTSIDE = "Put the file beside the scene, name it by a path relative to the scene's folder, and upload both."


@dataclass(frozen=True, slots=True, kw_only=True)
class MitsubaReference:
    """One file that the scene needs."""

    raw: str
    """As the scene names it, parameters put in."""
    path: str
    """Manifest path where it is looked for."""
    owner: str
    """Plugin and property that use it: ``bitmap.filename``."""


@dataclass(slots=True, kw_only=True)
class MitsubaScene:
    """A scene that passed."""

    root: Element
    """``<scene>``; a file's property holds its manifest path."""
    references: list[MitsubaReference] = field(default_factory=list)
    """A missing included file is one of them, and its part of the scene is not there."""
    elements: int = 0

    def cameras(self) -> dict[str, Element]:
        """Name → ``<sensor>``, in the scene's order. One without an id is called by its place: ``sensor0``."""
        sensors = self.root.findall("sensor")
        return {sensor.get("id") or f"sensor{number}": sensor for number, sensor in enumerate(sensors)}

    def integrator(self) -> Element | None:
        """The scene's first."""
        return self.root.find("integrator")


def read_mitsuba(root: Path, main: str, *, remap: Mapping[str, str] | None = None) -> MitsubaScene:
    """Read ``root/main``, XML or (``.json``) a dict scene, and all that it includes; raises ``ModelInvalid``.

    ``remap``: reference as the scene names it → manifest path. Files that are only referred to are not opened.
    """
    reader = _Reader(root=root, folder=posixpath.dirname(main), remap=dict(remap or {}))
    if main.lower().endswith(".json"):
        from models.formats.mitsuba_json import scene_from_json  # it is built on this module

        reader.take(scene_from_json(root / main), main)
    else:
        reader.read(main, depth=0)
    return reader.scene


def inspect_mitsuba(path: Path) -> None:
    """Check a main file alone: bounds, no DTD, a scene. What it refers to is for ``read_mitsuba``."""
    if path.name.lower().endswith(".json"):
        from models.formats.mitsuba_json import scene_from_json  # it is built on this module

        scene_from_json(path)
    else:
        _scene_of(parse_xml(path, name=path.name), path.name)


def parse_xml(path: Path, *, name: str) -> Element:
    """The tree of one XML file within bounds; raises ``ModelInvalid``."""
    try:
        size = path.stat().st_size
    except OSError as error:
        raise ModelInvalid(f"{name} is not in the model.", remedy=_OUTSIDE) from error
    if size > MAX_FILE_BYTES:
        raise ModelInvalid(
            f"{name} has {size} bytes; a scene's XML may have {MAX_FILE_BYTES}.",
            remedy="Keep geometry and pictures in files of their own (PLY, OBJ, EXR) and refer to them.",
        )
    depth = elements = 0
    top: Element | None = None
    try:
        with path.open("rb") as file:
            for event, element in iterparse(file, events=("start", "end"), forbid_dtd=True):
                if event == "end":
                    depth -= 1
                    continue
                top = element if top is None else top
                depth, elements = depth + 1, elements + 1
                _within(depth, MAX_DEPTH, "tags inside tags", name)
                _within(elements, MAX_ELEMENTS, "elements", name)
    except DefusedXmlException as error:
        raise ModelInvalid(
            f"{name} declares a document type or entities, which a scene has no use for and the farm never reads.",
            remedy="Remove the <!DOCTYPE …> and <!ENTITY …> lines; use <default> and $name for parameters.",
        ) from error
    except (ParseError, ValueError, LookupError) as error:  # ValueError, LookupError: an encoding nobody knows
        raise ModelInvalid(
            f"{name} is not a whole XML file: {error}.", remedy="Check that it loads in Mitsuba, then upload it again."
        ) from error
    if top is None:
        raise ModelInvalid(f"{name} is empty.", remedy="Export the scene again.")
    return top


class _Reader:
    """Builds one scene from its files."""

    def __init__(self, *, root: Path, folder: str, remap: Mapping[str, str]) -> None:
        self.scene = MitsubaScene(root=Element("scene"))
        self._root = root
        self._folders = [folder]
        self._remap = remap
        self._parameters: dict[str, str] = {}
        self._includes = 0
        self._expanded = 0
        self._seen: set[tuple[str, str]] = set()

    def read(self, main: str, *, depth: int) -> None:
        self.take(parse_xml(self._root / main, name=main), main)

    def take(self, top: Element, name: str) -> None:
        """Make the file's tree the scene."""
        self.scene.root.attrib.update(self._attributes(_scene_of(top, name)))
        version = self.scene.root.attrib.setdefault("version", "3.0.0")
        if version.split(".")[0] not in ("2", "3"):  # older ones have other names, which settings could not override
            raise ModelInvalid(
                f"{name} is of scene version {version[:20]}; this farm reads 2 and 3.",
                remedy="Load it in Mitsuba 3 and save it again (mi.xml.dict_to_xml), or export it anew.",
            )
        for child in self._children(top, "scene", depth=1, includes=0):
            self.scene.root.append(child)

    def _children(self, parent: Element, owner: str, *, depth: int, includes: int) -> Iterator[Element]:
        for element in parent:
            if element.tag == "default":
                self._define(element)
            elif element.tag == "path":
                self._folders.append(_inside(self._attributes(element).get("value", ""), "path", self._folders[0]))
            elif element.tag == "include":
                yield from self._include(element, depth=depth, includes=includes + 1)
            else:
                yield self._checked(element, owner, depth=depth, includes=includes)

    def _define(self, element: Element) -> None:
        attributes = self._attributes(element)
        name, value = attributes.get("name", ""), attributes.get("value")
        if not re.fullmatch(r"\w+", name) or value is None:
            raise ModelInvalid(f"A <default> needs a name and a value; one has the name {name!r}.")
        self._parameters.setdefault(name, value)

    def _include(self, element: Element, *, depth: int, includes: int) -> Iterator[Element]:
        raw = self._attributes(element).get("filename", "")
        path = self._refer(raw, "include")
        self._includes += 1
        _within(includes, MAX_INCLUDE_DEPTH, "files that include each other", path)
        _within(self._includes, MAX_INCLUDES, "included files", path)
        if not (self._root / path).is_file():
            return
        top = parse_xml(self._root / path, name=path)
        if top.tag != "scene":
            yield self._checked(top, "scene", depth=depth, includes=includes)
            return
        version, main = self._attributes(top).get("version"), self.scene.root.get("version")
        if version is not None and version != main:
            raise ModelInvalid(
                f"{path} is of scene version {version}, and the file that includes it of {main}.",
                remedy="Save both for the same version of Mitsuba.",
            )
        yield from self._children(top, "scene", depth=depth, includes=includes)

    def _checked(self, element: Element, owner: str, *, depth: int, includes: int) -> Element:
        _within(depth, MAX_DEPTH, "tags inside tags", "The scene")
        self.scene.elements += 1
        _within(self.scene.elements, MAX_ELEMENTS, "elements", "The scene")
        tag, attributes = str(element.tag), self._attributes(element)
        plugin = attributes.get("type")
        if tag in PLUGINS and not (tag == "spectrum" and plugin is None):
            if plugin not in PLUGINS[tag]:
                raise ModelInvalid(
                    f"The scene uses <{tag} type={plugin!r}>, which this farm does not run.",
                    remedy=f"Use one of: {', '.join(sorted(PLUGINS[tag]))}.",
                )
            owner = plugin
        elif tag not in VALUES | TRANSFORMS | STRUCTURE or tag == "scene":
            raise ModelInvalid(
                f"The scene has a <{tag}>, which is not a part of Mitsuba's format.",
                remedy="Check that it loads in Mitsuba 3.9.",
            )
        self._check_value(tag, attributes, owner)
        copy = Element(tag, attributes)
        for child in self._children(element, owner, depth=depth + 1, includes=includes):
            copy.append(child)
        return copy

    def _check_value(self, tag: str, attributes: dict[str, str], owner: str) -> None:
        """Files get their manifest path; no other string may look like a way out."""
        name = attributes.get("name", "")
        if "filename" in attributes:  # <spectrum filename="…"/>
            attributes["filename"] = self._refer(attributes["filename"], f"{owner}.{name or tag}")
        elif tag == "string":
            value = attributes.get("value", "")
            if is_file_property(name):
                attributes["value"] = self._refer(value, f"{owner}.{name}")
            elif name == "material" and not _MATERIAL.match(value):
                raise ModelInvalid(f"{value[:80]!r} is not the name of a material.", remedy="Use one that Mitsuba has.")
            elif ".." in value.replace("\\", "/").split("/") or value.startswith(("/", "\\")):
                raise _outside(value, f"{owner}.{name}")

    def _refer(self, raw: str, owner: str) -> str:
        path = self._locate(raw, owner)
        if (raw, path) not in self._seen:
            self._seen.add((raw, path))
            self.scene.references.append(MitsubaReference(raw=raw, path=path, owner=owner))
        return path

    def _locate(self, raw: str, owner: str) -> str:
        """The manifest path of a reference: what the manifest says, else the first folder that has it."""
        mapped = self._remap.get(raw) or self._remap.get(f"//{raw}")
        if mapped is not None:
            return mapped
        places = [_inside(raw, owner, folder) for folder in self._folders]
        return next((place for place in places if (self._root / place).is_file()), places[0])

    def _attributes(self, element: Element) -> dict[str, str]:
        """With parameters put in, within bounds; unknown ones are refused."""
        found = {}
        for name, value in element.attrib.items():
            if name not in ATTRIBUTES:
                raise ModelInvalid(
                    f"A <{element.tag}> has an attribute {name!r}, which is not a part of Mitsuba's format.",
                    remedy="Check that the scene loads in Mitsuba 3.9.",
                )
            found[name] = self._put_in(value)
        return found

    def _put_in(self, value: str) -> str:
        if "$" in value:
            for name in sorted(self._parameters, key=len, reverse=True):
                count = value.count(f"${name}")
                _within(len(value) + count * len(self._parameters[name]), MAX_VALUE_CHARS, "characters", "A value")
                value = value.replace(f"${name}", self._parameters[name])
            if "$" in value:
                raise ModelInvalid(
                    f"The scene uses the parameter {value[:80]!r}, which has no value.",
                    remedy="Give it one: <default name=… value=…/> before its first use.",
                )
        self._expanded += len(value)
        _within(len(value), MAX_VALUE_CHARS, "characters", "A value")
        _within(self._expanded, MAX_EXPANDED_CHARS, "characters", "The scene")
        return value


def _scene_of(top: Element, name: str) -> Element:
    if top.tag != "scene":
        raise ModelInvalid(
            f"{name} begins with <{top.tag}>; a Mitsuba scene begins with <scene>.",
            remedy="Export the scene for Mitsuba 3.",
        )
    return top


def _within(value: int, limit: int, what: str, name: str) -> None:
    if value > limit:
        raise ModelInvalid(
            f"{name} has more than {limit} {what}.", remedy="Split the scene, or keep its data in files of their own."
        )


def _inside(raw: str, owner: str, folder: str) -> str:
    """The manifest path of ``raw`` as seen from ``folder``; raises ``ModelInvalid`` where it leads out of the model."""
    plain = raw.replace("\\", "/")
    if not plain or plain.startswith("/") or _DRIVE.match(plain) or "\x00" in plain:
        raise _outside(raw, owner)
    joined = posixpath.normpath(posixpath.join(folder, plain))
    if joined in (".", "..") or joined.startswith("../"):
        raise _outside(raw, owner)
    return joined


def _outside(raw: str, owner: str) -> ModelInvalid:
    return ModelInvalid(
        f"The scene refers to {raw[:200]!r} ({owner}), which is not a path inside of the model's folder.",
        remedy=_OUTSIDE,
        reference=raw[:200],
    )
