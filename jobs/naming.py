"""Names of a job's files: a template of a few fields, and parts that every file system can hold.

A template is read by ``string.Formatter.parse`` alone and never formatted: no attribute, index or conversion of a
value is within its reach. What a value brings in is cleaned before it becomes part of a path, so that a job that is
called ``../../etc`` names a folder like any other (CWE-22; reserved names after Microsoft's "Naming Files, Paths, and
Namespaces").
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from string import Formatter
from typing import Any

from jobs.errors import InvalidInput

FIELDS: Mapping[str, str] = {
    "project": "the project's slug",
    "show": "the job's show",
    "shot": "the job's shot",
    "job": "the job's name",
    "model": "the model's name",
    "camera": "the camera that the job renders",
    "layer": "the view layer that the job renders",
    "view_layer": "the same as layer",
    "frame": "the frame's number, as it is or with zeros before it: {frame:04d}",
    "date": "the day on which the job was submitted, in UTC: 2026-03-31",
    "ext": "the file's extension without its dot; added at the end where the template leaves it out",
}
"""Field -> what it stands for."""

_MAY_BE_UNKNOWN = {
    "camera": "settings.camera",
    "layer": "settings.view_layer",
    "view_layer": "settings.view_layer",
    "show": "show",
    "shot": "shot",
}
"""Field -> where a job says it."""

MAX_TEMPLATE_CHARS = 200

MAX_PART_BYTES = 200
"""Of one part of a path: file systems take 255, and a download's temporary name is longer than the file's own."""

MAX_PATH_BYTES = 800
"""S3 takes keys of 1,024; the rest is for a destination's prefix."""

_ZEROS = re.compile(r"0(?:[1-9]|1[0-2])d")
_UNFIT = re.compile(r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]')
"""Controls, what Windows refuses, what cannot be seen or turns the direction of writing, and halves of a pair."""

_RESERVED = re.compile(r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|$)", re.IGNORECASE)
"""Devices of Windows, whatever the extension; blanks before the dot hide none."""
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,10}\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedFile:
    """A file of a job, as far as its name needs it."""

    kind: str
    """As ``ArtifactKind``: a picture is ``frame``."""
    name: str
    frame: int | None


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    """Literal text, or the name of a field."""
    is_field: bool
    spec: str = ""


class NamingTemplate:
    """``{job}/{camera}/{layer}.{frame:04d}``, parsed. Raises ``InvalidInput`` with field ``outputs.naming``."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._parts = [_pieces(part) for part in _split(text)]
        self.fields = frozenset(piece.text for part in self._parts for piece in part if piece.is_field)

    def require_distinct(self, frames: int) -> None:
        """Refuse a template that gives ``frames`` pictures one name."""
        if frames > 1 and "frame" not in self.fields:
            raise _bad(
                f"The template {self.text!r} lacks the field frame, so all {frames} frames of the job would have the "
                "same name.",
                "Add {frame:04d} to it.",
            )

    def path(self, file: NamedFile, values: Mapping[str, str]) -> str:
        """Where the file goes, relative, with ``/``: a picture by the template, another file beside the pictures under
        its own name. ``values``: of each field but frame and ext; one that is missing stands as ``_``."""
        if file.kind == "frame":
            extension = _extension_of(file.name)
            known = {**values, "ext": extension.lstrip(".")}
            written = [self._written(part, known, file.frame) for part in self._parts]
            if "ext" not in self.fields:
                written[-1] += extension
            return "/".join(safe_part(part) for part in written)
        folders: list[str] = []
        for part in self._parts[:-1]:
            if any(piece.is_field and piece.text in ("frame", "ext") for piece in part):
                break
            folders.append(safe_part(self._written(part, values, None)))
        return "/".join([*folders, plain_path(file)])

    @staticmethod
    def _written(part: Sequence[_Piece], values: Mapping[str, str], frame: int | None) -> str:
        words: list[str] = []
        for piece in part:
            if not piece.is_field:
                words.append(piece.text)
            elif piece.text == "frame":
                words.append(format(frame or 0, piece.spec))
            else:
                words.append(_UNFIT.sub("_", values.get(_value_name(piece.text)) or "_"))
        return "".join(words)


def plain_path(file: NamedFile) -> str:
    """Where a file goes without a template: frames and films plainly, a scene's own extra files in a folder."""
    parts = [safe_part(part) for part in PurePosixPath(file.name.replace("\\", "/")).parts if part not in ("/", ".")]
    return "/".join(["extra", *parts] if file.kind == "extra" else parts) or "_"


def safe_part(text: str) -> str:
    """One part of a path that Linux, macOS and Windows hold, and that leads nowhere.

    Never empty, ``.``, ``..``, hidden, or a device's name; at most ``MAX_PART_BYTES`` of UTF-8, where a longer one is
    cut before its extension and told apart by a digest.
    """
    part = _UNFIT.sub("_", unicodedata.normalize("NFC", text)).strip(" ").rstrip(". ")
    if part.startswith("."):
        part = f"_{part[1:]}"
    if _RESERVED.match(part):
        part = f"_{part}"
    if len(part.encode()) > MAX_PART_BYTES:
        extension = _extension_of(part)
        mark = f"~{hashlib.sha256(part.encode()).hexdigest()[:8]}{extension}"
        part = part.encode()[: MAX_PART_BYTES - len(mark)].decode(errors="ignore").rstrip(". ") + mark
    return part or "_"


def told_apart(path: str, *, taken: set[str], mark: str) -> str:
    """The path, or one with ``mark`` before its extension where another file has it, also on a disk that does not tell
    capitals apart; adds it to ``taken``."""
    folded = path.casefold()
    if folded in taken:
        extension = _extension_of(path)
        path = f"{path[: len(path) - len(extension)]}~{mark}{extension}"
        folded = path.casefold()
    taken.add(folded)
    return path


def camera_and_layer(settings: Mapping[str, Any], probe: Mapping[str, Any] | None) -> dict[str, str]:
    """What a job renders of its scene, by its settings or else by the probe; a name that nobody knows is left out."""
    facts = probe or {}
    found: dict[str, str] = {}
    camera = settings.get("camera") or facts.get("active_camera")
    if isinstance(camera, str) and camera:
        found["camera"] = camera
    asked = settings.get("view_layers") or facts.get("view_layers") or ()
    layers = [settings["view_layer"]] if settings.get("view_layer") else list(asked)
    if len(layers) == 1 and isinstance(layers[0], str):
        found["layer"] = layers[0]
    return found


def name_values(
    *, project: str, job: str, model: str, date: str, spec: Mapping[str, Any], probe: Mapping[str, Any] | None
) -> dict[str, str]:
    """Of each field of a template but frame and ext; what nobody knows is left out. ``spec``: a job's, as stored."""
    scene = camera_and_layer(spec.get("settings") or {}, probe)
    return {"project": project, "job": job, "model": model, "date": date, **show_and_shot(spec), **scene}


def show_and_shot(spec: Mapping[str, Any]) -> dict[str, str]:
    """Those that the job names."""
    return {name: str(spec[name]) for name in ("show", "shot") if spec.get(name)}


def require_known(template: NamingTemplate, values: Mapping[str, str]) -> None:
    """Refuse a template that names what the job does not say: its show or shot, its camera or its only view layer."""
    for name in sorted(template.fields & _MAY_BE_UNKNOWN.keys()):
        if _value_name(name) not in values:
            raise _bad(
                f"The template names {FIELDS[_value_name(name)]}, and it is not known which one that is.",
                f"Name it in {_MAY_BE_UNKNOWN[name]}, or take {{{name}}} out of the template.",
            )


def require_short(path: str) -> None:
    """Refuse a name that a bucket could not hold."""
    if len(path.encode()) > MAX_PATH_BYTES:
        raise _bad(
            f"The template makes names of {len(path.encode())} bytes; {MAX_PATH_BYTES} are allowed.",
            "Shorten it, or the job's name.",
        )


def _value_name(field: str) -> str:
    return "layer" if field == "view_layer" else field


def _split(text: str) -> list[str]:
    if not text or len(text) > MAX_TEMPLATE_CHARS:
        raise _bad(f"A template has 1 to {MAX_TEMPLATE_CHARS} characters.", "Give one like {job}/{frame:04d}.")
    parts = text.split("/")  # no field and no format holds a slash: what would is refused below
    if any(part.strip(" .") == "" for part in parts):
        raise _bad(
            f"The template {text!r} has an empty part, or one of dots.", "Give parts with names, and no slash around."
        )
    return parts


def _pieces(part: str) -> list[_Piece]:
    try:
        parsed = list(Formatter().parse(part))
    except ValueError as error:
        raise _bad(f"{part!r} is no template: {error}.", "Write a brace that is meant as such twice.") from error
    pieces: list[_Piece] = []
    for literal, name, spec, conversion in parsed:
        if _UNFIT.search(literal):
            raise _bad(f"{literal!r} holds a character that a file's name cannot.", 'Leave out controls and <>:"\\|?*.')
        if literal:
            pieces.append(_Piece(literal, is_field=False))
        if name is None:
            continue
        if name not in FIELDS:
            raise _bad(f"There is no field {name!r}.", f"There are: {', '.join(FIELDS)}.", fields=list(FIELDS))
        if conversion or (spec and (name != "frame" or not _ZEROS.fullmatch(spec))):
            raise _bad(f"The field {name} takes no such format.", "Only frame takes one, zeros before it: {frame:04d}.")
        pieces.append(_Piece(name, is_field=True, spec=spec or ""))
    return pieces


def _extension_of(name: str) -> str:
    found = _EXTENSION.search(name)
    return found[0] if found else ""


def _bad(detail: str, remedy: str, **extra: Any) -> InvalidInput:
    return InvalidInput(detail, field="outputs.naming", remedy=remedy, **extra)
