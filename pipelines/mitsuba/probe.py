"""The engine of a throwaway process: opens one uploaded scene, reports what is in it, and renders nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element

from jobs.states import EndReason
from models.formats.mitsuba_xml import MitsubaReference, MitsubaScene
from pipelines.base import FrameOutput, FrameRequest, LoadReport, ModelFiles, ProgressCallback
from pipelines.errors import EngineError
from pipelines.mitsuba.engine import read_checked
from pipelines.mitsuba.scene import LoadedScene, film_size, properties
from pipelines.mitsuba.settings import MitsubaSettings, Variant
from pipelines.mitsuba.variants import Mitsuba

_IMAGES = frozenset({"bitmap", "envmap"})
_VOLUMES = frozenset({"gridvolume", "sdfgrid"})
_SAMPLES = 4
"""Of a sampler that names none (Mitsuba's own)."""
_DIGITS = 18
"""Of a number that is believed."""
_FPS = 24.0
"""A Mitsuba scene has no time; a film of a camera path has this speed unless the job says otherwise."""


class ProbeEngine:
    """Its ``LoadReport.details`` are the facts that ``models.probe.SceneFacts`` describes."""

    def __init__(self) -> None:
        self._mitsuba = Mitsuba()

    def load(self, model: ModelFiles) -> LoadReport:
        begun = time.perf_counter()
        document = read_checked(model)
        facts = scene_facts(document, main=model.main)
        whole = all((model.root / reference.path).is_file() for reference in document.references)
        if whole:
            if not document.cameras():
                raise EngineError(
                    EndReason.MODEL_INVALID, "The scene has no camera.", remedy="Add a <sensor> with a <film> to it."
                )
            self._mitsuba.choose(Variant.SCALAR_RGB)  # compiles nothing
            loaded = LoadedScene(self._mitsuba.mi, document, model.root)
            loaded.integrator(MitsubaSettings())
            facts["triangles"] = _triangles(loaded.scene.shapes())
        return LoadReport(seconds=time.perf_counter() - begun, details=facts)

    def render(self, request: FrameRequest, progress: ProgressCallback) -> FrameOutput:
        raise EngineError(EndReason.INFRA, "A probe renders nothing.")


def create_engine() -> ProbeEngine:
    return ProbeEngine()


def scene_facts(document: MitsubaScene, *, main: str) -> dict[str, Any]:
    """What the tree alone tells."""
    cameras = document.cameras()
    first: Element | None = next(iter(cameras.values()), None)
    integrator = document.integrator()
    width, height = film_size(first.find("film") if first is not None else None)
    return {
        "frame_start": 1,
        "frame_end": 1,
        "frame_step": 1,
        "fps": _FPS,
        "resolution": (width, height, 100),
        "cameras": list(cameras),
        "active_camera": next(iter(cameras), None),
        "engine": "MITSUBA",
        "samples": _samples(first),
        "references": [_reference(each, main) for each in document.references],
        "details": {
            "integrator": "path" if integrator is None else integrator.get("type", ""),
            "elements": document.elements,
            "camera_types": [camera.get("type", "") for camera in cameras.values()],
        },
    }


def _samples(sensor: Element | None) -> int:
    said = properties(sensor.find("sampler") if sensor is not None else None).get("sample_count", str(_SAMPLES))
    return int(said) if said.isascii() and said.isdigit() and len(said) < _DIGITS else _SAMPLES


def _reference(reference: MitsubaReference, main: str) -> dict[str, Any]:
    """A path from the main file's folder is written ``//`` first, as everywhere in the farm."""
    plugin = reference.owner.partition(".")[0]
    kind = "image" if plugin in _IMAGES else "volume" if plugin in _VOLUMES else "data"
    return {
        "raw": f"//{reference.raw}",
        "kind": kind,
        "owner": reference.owner,
        "owner_file": main,
        "base_file": main,
    }


def _triangles(shapes: Iterable[Any]) -> int:
    return sum(int(shape.face_count()) for shape in shapes if shape.is_mesh())
