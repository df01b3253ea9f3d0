"""The kinds of model and what a main file of each looks like."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

from jobs.errors import InvalidInput
from models.errors import ModelInvalid
from models.formats.blend import inspect_blend
from models.formats.diffusion import inspect_index
from models.formats.fbx import inspect_fbx
from models.formats.gltf import inspect_gltf
from models.formats.mitsuba_xml import inspect_mitsuba
from models.formats.obj import inspect_obj
from models.formats.splats import inspect_splats
from models.formats.usd import inspect_usd


class ModelKind(StrEnum):
    """What a replica can hold resident."""

    BLENDER = "blender"
    DIFFUSION = "diffusion"
    """A folder of weights as diffusers saves it."""
    MITSUBA = "mitsuba"
    FAKE = "fake"
    """Of the `fake` pipeline: any file, never opened."""
    SPLATS = "splats"
    """A cloud of gaussians, camera paths beside it."""
    GLTF = "gltf"
    """This and the next three are scenes of other programs, which Blender imports."""
    OBJ = "obj"
    USD = "usd"
    FBX = "fbx"

    @property
    def pipeline(self) -> str:
        """Name of the pipeline that renders it where a job names none."""
        return _PIPELINES[self]

    @property
    def endings(self) -> tuple[str, ...]:
        """Of the name of a main file; empty: any."""
        return _ENDINGS.get(self, ())


_ENDINGS = {
    ModelKind.BLENDER: (".blend",),
    ModelKind.DIFFUSION: ("model_index.json",),
    ModelKind.MITSUBA: (".xml", ".mitsuba.json"),
    ModelKind.SPLATS: (".ply", ".splat", ".spz", ".sog"),
    ModelKind.GLTF: (".gltf", ".glb"),
    ModelKind.OBJ: (".obj",),
    ModelKind.USD: (".usd", ".usda", ".usdc", ".usdz"),
    ModelKind.FBX: (".fbx",),
}
_PIPELINES = {
    ModelKind.BLENDER: "cycles",
    ModelKind.DIFFUSION: "diffusion",
    ModelKind.MITSUBA: "mitsuba",
    ModelKind.FAKE: "fake",
    ModelKind.SPLATS: "splats",
    ModelKind.GLTF: "cycles",
    ModelKind.OBJ: "cycles",
    ModelKind.USD: "cycles",
    ModelKind.FBX: "cycles",
}


def kind_of(path: str) -> ModelKind:
    """The kind of a main file by its name."""
    for kind in ModelKind:
        if kind.endings and path.lower().endswith(kind.endings):
            return kind
    known = ", ".join(ending for kind in ModelKind for ending in kind.endings)
    raise InvalidInput(
        f"{path} is not a kind of scene that this farm knows.", field="main", remedy=f"Use a file that ends in {known}."
    )


def check_main_file(kind: ModelKind, path: Path) -> None:
    """Read the header of a main file before an engine sees it; raises ``ModelInvalid``."""
    if kind.endings and not path.name.lower().endswith(kind.endings):  # an engine goes by the ending
        raise ModelInvalid(
            f"{path.name} is not the main file of a model of kind {kind}.",
            remedy=f"Name one that ends in {', '.join(kind.endings)}, or register it as what it is.",
        )
    match kind:
        case ModelKind.BLENDER:
            inspect_blend(path)
        case ModelKind.DIFFUSION:
            inspect_index(path)
        case ModelKind.MITSUBA:
            inspect_mitsuba(path)
        case ModelKind.FAKE:
            pass
        case ModelKind.SPLATS:
            inspect_splats(path)
        case ModelKind.GLTF:
            inspect_gltf(path)
        case ModelKind.OBJ:
            inspect_obj(path)
        case ModelKind.USD:
            inspect_usd(path)
        case ModelKind.FBX:
            inspect_fbx(path)
