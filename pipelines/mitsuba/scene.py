"""One scene in Mitsuba: loaded once for a variant, with cameras and integrators made beside it as jobs ask.

The engine gets the checked tree (``models.formats.mitsuba_xml``) and never the uploaded file. Cameras and integrators
stay out of the scene proper, so that a job changes size, camera or integrator without loading it again.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

import numpy as np

from jobs.states import EndReason
from models.formats.mitsuba_plugins import is_file_property
from models.formats.mitsuba_xml import MitsubaScene
from pipelines.errors import EngineError
from pipelines.mitsuba.camera_path import Pose
from pipelines.mitsuba.settings import MAX_PIXELS, Aov, IntegratorKind, MitsubaSettings
from pipelines.pictures import check_pixels

DEFAULT_SIZE = (768, 576)
"""Of a film that names none (Mitsuba's own)."""
_CHANNELS = {"rgb": ("R", "G", "B"), "rgba": ("R", "G", "B", "A"), "luminance": ("Y",)}
_CROP = ("crop_width", "crop_height", "crop_offset_x", "crop_offset_y")
_MITSUBA_AOV = {
    Aov.ALBEDO: "albedo",
    Aov.NORMAL: "sh_normal",
    Aov.GEOMETRIC_NORMAL: "geo_normal",
    Aov.DEPTH: "depth",
    Aov.POSITION: "position",
    Aov.UV: "uv",
}
_KEPT_PROPERTIES = frozenset({"hide_emitters", "timeout"})
"""Of an integrator that the job replaces by another kind: all kinds know these (tried with Mitsuba 3.9.1)."""
_DEPTHS = frozenset({"max_depth", "rr_depth"})
"""The same, but for direct, which follows light for one bounce."""
_KEPT_CAMERAS = 16
"""Made cameras that are kept; each holds a film of its size."""


@dataclass(slots=True)
class Camera:
    """A sensor with its film."""

    sensor: Any
    parameters: Any
    channels: tuple[str, ...]
    size: tuple[int, int]
    """Width and height of the picture in pixels."""
    samples: int
    """That the scene asks for."""
    fov: float | None
    """Horizontal, degrees; ``None`` where the sensor has none."""


@dataclass(frozen=True, slots=True)
class Integrator:
    """How light is followed, and the layers that come beside the colours."""

    integrator: Any
    layers: bool


class LoadedScene:
    """Scene, cameras and integrators of one variant."""

    def __init__(self, mi: Any, document: MitsubaScene, root: Path) -> None:
        self._mi = mi
        self._document = document
        self._root = root
        self._cameras: dict[tuple[Any, ...], Camera] = {}
        self._integrators: dict[tuple[Any, ...], Integrator] = {}
        body = copy.deepcopy(document.root)
        for element in [*body.findall("sensor"), *body.findall("integrator")]:
            body.remove(element)
        self.scene = self._load(body)

    def camera(self, settings: MitsubaSettings) -> Camera:
        """The camera that the settings mean, made once for each size."""
        moving = settings.camera_path is not None
        key = (settings.camera, settings.width, settings.height, moving)
        if key not in self._cameras:
            if len(self._cameras) >= _KEPT_CAMERAS:
                self._cameras.clear()
            self._cameras[key] = self._make_camera(settings)
        return self._cameras[key]

    def move(self, camera: Camera, pose: Pose) -> None:
        """Put the camera there; the scene stays as it is."""
        mi = self._mi
        matrix = mi.ScalarTransform4f().look_at(list(pose.origin), list(pose.target), list(pose.up)).matrix
        camera.parameters["to_world"] = mi.Transform4f(matrix)
        if pose.fov is not None and camera.fov is None:
            raise _refused(
                "The job's camera path sets a field of view, and this camera has none.",
                "Leave fov out, or name a perspective camera.",
            )
        if camera.fov is not None:
            camera.parameters["x_fov"] = pose.fov if pose.fov is not None else camera.fov
        camera.parameters.update()

    def integrator(self, settings: MitsubaSettings) -> Integrator:
        key = (settings.integrator, settings.max_depth, settings.format, settings.aovs)
        if key not in self._integrators:
            element, layers = self._integrator_element(settings)
            self._integrators[key] = Integrator(self._load(element), layers)
        return self._integrators[key]

    def _make_camera(self, settings: MitsubaSettings) -> Camera:
        cameras = self._document.cameras()
        if not cameras:
            raise _refused("The scene has no camera.", "Add a <sensor> with a <film> to it.")
        name = settings.camera or next(iter(cameras))
        if name not in cameras:
            raise _refused(f"The scene has no camera {name!r}.", f"Use one of: {', '.join(cameras)}.")
        element = self._standing_alone(cameras[name])
        film, channels = _film_of(element, settings)
        width, height = film_size(film)
        try:
            check_pixels(width, height, most=MAX_PIXELS)
        except ValueError as error:
            raise _refused(f"The picture is too large: {error}.", "Set width and height in the settings.") from error
        sensor = self._load(element)
        sensor.set_scene(self.scene)  # some kinds look at how large it is
        parameters = self._mi.traverse(sensor)
        if "to_world" not in parameters and settings.camera_path is not None:
            raise _refused(f"The camera {name!r} cannot be moved.", "Name another one, or leave camera_path out.")
        fov = float(np.ravel(parameters["x_fov"])[0]) if "x_fov" in parameters else None
        size = sensor.film().crop_size()
        return Camera(
            sensor=sensor,
            parameters=parameters,
            channels=channels,
            size=(int(size[0]), int(size[1])),
            samples=int(sensor.sampler().sample_count()),
            fov=fov,
        )

    def _integrator_element(self, settings: MitsubaSettings) -> tuple[Element, bool]:
        """What the scene says, changed by the settings; wrapped for layers where an EXR shall have them."""
        own = self._document.integrator()
        inner = self._standing_alone(own) if own is not None else Element("integrator", {"type": "path"})
        aovs = ""
        if inner.get("type") == "aov":
            nested = inner.findall("integrator")
            if len(nested) != 1:
                raise _refused("The scene's aov integrator must hold exactly one other.", "Leave one in it.")
            aovs = next((e.get("value", "") for e in inner.findall("string") if e.get("name") == "aovs"), "")
            inner = nested[0]
        if settings.integrator is not None and inner.get("type") != settings.integrator:
            inner = _as_kind(inner, settings.integrator)
        if settings.max_depth is not None:
            if inner.get("type") == IntegratorKind.DIRECT:
                raise _refused("The scene's direct integrator has no max_depth.", "Leave it out, or ask for path.")
            set_property(inner, "integer", "max_depth", str(settings.max_depth))
        if settings.aovs is not None:
            aovs = ",".join(f"{aov}:{_MITSUBA_AOV[aov]}" for aov in settings.aovs)
        if settings.format != "exr" or not aovs:
            return inner, False
        for attribute in ("id", "name"):
            inner.attrib.pop(attribute, None)
        outer = Element("integrator", {"type": "aov"})
        SubElement(outer, "string", {"name": "aovs", "value": aovs})
        outer.append(inner)
        return outer, True

    def _standing_alone(self, element: Element) -> Element:
        """A copy in which what it refers to is written out."""
        alone = copy.deepcopy(element)
        known = {each.get("id"): each for each in self._document.root.iter() if each.get("id")}
        for parent in list(alone.iter()):
            for place, child in enumerate(list(parent)):
                target = known.get(child.get("id")) if child.tag == "ref" else None
                if target is not None and child.get("id") != element.get("id"):
                    written = copy.deepcopy(target)
                    written.attrib.pop("id", None)
                    if child.get("name"):
                        written.set("name", child.get("name", ""))
                    parent[place] = written
        return alone

    def _load(self, element: Element) -> Any:
        """Into Mitsuba. Files by their full path, as the engine's own folder is another one."""
        whole = copy.deepcopy(element)
        whole.set("version", self._document.root.get("version", "3.0.0"))
        for each in whole.iter():
            if "filename" in each.attrib:
                each.set("filename", self._file(each.get("filename", "")))
            elif each.tag == "string" and is_file_property(each.get("name", "")):
                each.set("value", self._file(each.get("value", "")))
        try:
            return self._mi.load_string(tostring(whole, encoding="unicode"))
        except RuntimeError as error:
            raise EngineError(
                EndReason.MODEL_INVALID,
                f"Mitsuba cannot load the scene: {str(error).replace(f'{self._root}/', '')}",
                remedy="Check that it loads in Mitsuba 3.9 with mi.load_file, then upload it again.",
            ) from error

    def _file(self, path: str) -> str:
        place = self._root / path
        if not place.is_file():
            raise _refused(f"The scene's file {path} is missing.", "Upload it beside the scene.")
        return str(place)


def film_size(film: Element | None) -> tuple[int, int]:
    """Width and height in pixels that a ``<film>`` asks for, before a crop."""
    found = properties(film)
    try:
        return int(found.get("width", DEFAULT_SIZE[0])), int(found.get("height", DEFAULT_SIZE[1]))
    except ValueError as error:
        raise _refused("The film's width and height are no whole numbers.", "Correct them.") from error


def properties(element: Element | None) -> Mapping[str, str]:
    """Name → value of an element's plain properties."""
    return {} if element is None else {e.get("name", ""): e.get("value", "") for e in element if "value" in e.attrib}


def set_property(element: Element, tag: str, name: str, value: str) -> None:
    """In place of what it was."""
    for old in [each for each in element if each.get("name") == name]:
        element.remove(old)
    SubElement(element, tag, {"name": name, "value": value})


def _as_kind(integrator: Element, kind: IntegratorKind) -> Element:
    """One of another kind, with what the scene says that this kind knows as well."""
    known = _KEPT_PROPERTIES if kind is IntegratorKind.DIRECT else _KEPT_PROPERTIES | _DEPTHS
    other = Element("integrator", {"type": str(kind)})
    other.extend(copy.deepcopy(each) for each in integrator if each.get("name") in known)
    return other


def _film_of(sensor: Element, settings: MitsubaSettings) -> tuple[Element, tuple[str, ...]]:
    """The sensor's film, made to what the settings ask and to full floats; and its channels."""
    film = sensor.find("film")
    if film is None:
        film = SubElement(sensor, "film", {"type": "hdrfilm"})
    if film.get("type") != "hdrfilm":
        raise _refused(f"The camera's film is a {film.get('type')}, which has no colours.", "Use hdrfilm.")
    said = properties(film)
    pixel_format = said.get("pixel_format", "rgb").lower()
    if pixel_format not in _CHANNELS:
        raise _refused(f"The film's pixel_format is {pixel_format}.", f"Use one of: {', '.join(_CHANNELS)}.")
    for name, value in (("width", settings.width), ("height", settings.height)):
        if value is None:
            continue
        if any(crop in said for crop in _CROP):
            raise _refused("The scene's film is cropped, so its size cannot be changed.", "Leave width and height out.")
        set_property(film, "integer", name, str(value))
    set_property(film, "string", "component_format", "float32")
    set_property(film, "string", "pixel_format", pixel_format)
    return film, _CHANNELS[pixel_format]


def _refused(message: str, remedy: str) -> EngineError:
    return EngineError(EndReason.MODEL_INVALID, message, remedy=remedy)
