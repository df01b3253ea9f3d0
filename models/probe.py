"""What the first opening of a model found: facts from the engine, read against the manifest."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import ModelInvalid
from models.findings import Finding, Severity
from models.manifest import Manifest
from models.references import FileIndex, rebase

MAX_REFERENCES = 100_000
"""External files of one scene."""

MISSING_FILE = "missing_file"
"""Code of the finding that more uploads can mend."""

Name = Annotated[str, Field(max_length=4096)]


class FileKind(StrEnum):
    """What a scene uses an external file as."""

    IMAGE = "image"
    LIBRARY = "library"
    FONT = "font"
    SOUND = "sound"
    CACHE = "cache"
    VOLUME = "volume"
    MOVIE = "movie"
    SCRIPT = "script"
    DATA = "data"
    """Light profiles and other tables."""


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RawReference(_Facts):
    """One reference as the engine sees it in the opened model."""

    raw: Name
    kind: FileKind
    owner: Name
    """Name of the data block that uses it."""
    owner_file: Name | None
    """Manifest path of the file that stores it; `None`: a library that the farm does not have."""
    base_file: Name
    """Manifest path of the file whose folder `//` means."""
    sequence: bool = False
    """It names one of many numbered files."""
    folder: bool = False
    """It may name a folder."""
    required: bool = True
    """Frames would differ without it."""


class Simulation(_Facts):
    """State that grows from frame to frame."""

    owner: Name
    kind: Name
    """fluid, cloth, soft body, particles, dynamic paint, rigid body, geometry nodes"""
    baked: bool | None
    """`None`: the engine cannot tell."""


Detail = str | int | float | bool | tuple[str, ...]
"""A fact that only one pipeline knows."""


class SceneFacts(_Facts):
    """What the engine reports of an opened model. What a pipeline knows nothing of stays as it is here."""

    frame_start: int
    frame_end: int
    frame_step: int = 1
    fps: Annotated[float, Field(gt=0)] = 24.0
    resolution: tuple[int, int, int]
    """Width and height in pixels at 100 %, and the percentage."""
    cameras: tuple[Name, ...] = ()
    active_camera: Name | None = None
    has_sequence: bool = False
    """The video sequencer makes the picture; no camera is needed."""
    view_layers: tuple[Name, ...] = ()
    engine: Name
    samples: int = 0
    """Per pixel; for diffusion, steps. 0: there is no such thing."""
    denoiser: Name | None = None
    stereo: bool = False
    blender_version: Name | None = None
    triangles: int = 0
    references: Annotated[tuple[RawReference, ...], Field(max_length=MAX_REFERENCES)] = ()
    simulations: tuple[Simulation, ...] = ()
    blocked_scripts: tuple[Name, ...] = ()
    warnings: tuple[Name, ...] = ()
    details: Annotated[dict[Name, Detail], Field(max_length=100)] = Field(default_factory=dict)


class ExternalFile(_Facts):
    """One external file that a model refers to."""

    raw: str
    """The reference as the engine sees it; the key for the manifest's `remap`."""
    stored: str
    """The reference as its file stores it; differs from `raw` for a library that a library links."""
    kind: FileKind
    owner: str
    owner_file: str | None
    """Manifest path of the .blend that stores the reference; the `//` of `stored` is its folder."""
    resolved: str | None
    """Manifest path where the engine looks; `None`: outside of the model."""
    found: bool
    """The manifest has it."""
    sequence: bool
    folder: bool
    required: bool


class ProbeReport(_Facts):
    """What is in a model, what it lacks, and what will differ from the artist's own render."""

    frame_start: int
    frame_end: int
    frame_step: int
    fps: float
    resolution: tuple[int, int, int]
    cameras: tuple[str, ...]
    active_camera: str | None
    view_layers: tuple[str, ...]
    engine: str
    samples: int
    blender_version: str | None
    triangles: int
    """Of meshes as stored, before modifiers."""
    details: dict[str, Detail]
    """What only this kind of model has: Gaussians and their degree, a text encoder, …"""
    external: tuple[ExternalFile, ...]
    missing: tuple[ExternalFile, ...]
    """Those of `external` that frames need and the manifest lacks."""
    simulations: tuple[Simulation, ...]
    blocked_scripts: tuple[str, ...]
    """Never run, here or in a render."""
    findings: tuple[Finding, ...]
    warnings: tuple[str, ...]
    """The findings that are no errors, as sentences."""

    @property
    def fatal(self) -> Finding | None:
        """What no further file can mend."""
        errors = (finding for finding in self.findings if finding.severity is Severity.ERROR)
        return next((finding for finding in errors if finding.code != MISSING_FILE), None)

    @classmethod
    def of(cls, facts: SceneFacts, external: Sequence[ExternalFile], findings: Sequence[Finding]) -> Self:
        same = set(cls.model_fields) & set(SceneFacts.model_fields) - {"warnings"}
        return cls(
            **{name: getattr(facts, name) for name in same},
            external=tuple(external),
            missing=tuple(file for file in external if file.required and not file.found),
            findings=tuple(findings),
            warnings=tuple(str(finding) for finding in findings if finding.severity is Severity.WARNING),
        )


def parse_facts(data: Any) -> SceneFacts:
    """Facts from the engine's process, which has just read a file that nobody trusts."""
    try:
        return SceneFacts.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ModelInvalid(
            f"The scene's settings cannot be read ({where}: {first['msg']}).",
            remedy="Open it in the program that made it, check its output settings, and save it again.",
        ) from error


def external_files(facts: SceneFacts, manifest: Manifest) -> list[ExternalFile]:
    """Each reference once, with what the manifest has for it; missing ones first."""
    index = FileIndex.of((file.path for file in manifest.files), manifest.remap)
    found: dict[tuple[str, str | None, str], ExternalFile] = {}
    for reference in facts.references:
        target = index.target(reference.raw, base_file=reference.base_file)
        file = ExternalFile(
            raw=reference.raw,
            stored=rebase(reference.raw, base_file=reference.base_file, owner_file=reference.owner_file),
            kind=reference.kind,
            owner=reference.owner,
            owner_file=reference.owner_file,
            resolved=target,
            found=target is not None and index.holds(target, sequence=reference.sequence, folder=reference.folder),
            sequence=reference.sequence,
            folder=reference.folder,
            required=reference.required,
        )
        key = (reference.raw, reference.owner_file, reference.base_file)
        known = found.get(key)
        if known is None or (file.required and not known.required):
            found[key] = file
    return sorted(found.values(), key=lambda file: (file.found, not file.required, file.kind, file.raw))
