"""Finds on this disk the files that a scene refers to, and never looks where the user did not allow it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from models.manifest import tile_pattern
from models.references import ReferenceForm, parse_reference, plain_reference, sequence_pattern
from rayfarm.errors import MissingFile
from rayfarm.types import Json

_DRIVE = re.compile(r"^[A-Za-z]:/")

OUTSIDE = "external"
"""Folder of the manifest for files from outside the scene's folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """What a reference came to on this disk."""

    raw: str
    target: str
    """Manifest path that the reference means: a file, a folder, or a tiled name."""
    files: dict[str, Path]
    """Manifest path → file."""
    is_plain: bool
    """The engine finds it by the reference as it is; it needs no remapping."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Candidate:
    path: Path
    is_natural: bool
    """The engine itself looks at the same place of the model."""


class Locator:
    """Looks for the references of one scene."""

    def __init__(self, *, scene: Path, mappings: Sequence[tuple[str, str]] = (), allow: Sequence[Path] = ()) -> None:
        self.folder = scene.resolve().parent
        self._mappings = sorted(
            ((plain_reference(before), after) for before, after in mappings), key=lambda pair: -len(pair[0])
        )
        self._allowed = [self.folder, *(path.expanduser().resolve() for path in allow)]

    def locate(self, item: Json, *, owner: Path | None = None) -> Located | MissingFile:
        """One reference of the probe's list of missing files; ``owner`` is the local .blend that stores it."""
        raw = str(item.get("raw") or "")
        outside: Path | None = None
        looked: list[Path] = []
        for candidate in self._candidates(raw, owner):
            found = _find(candidate.path, item)
            if not found:
                looked.append(candidate.path)
                continue
            blocked = next((path for path in found if not self._is_allowed(path)), None)
            if blocked is not None:
                outside = outside or blocked.resolve().parent
                continue
            return self._located(raw, found, candidate, item)
        if outside is not None:
            problem = f"it lies outside the scene's folder, in {outside}."
            remedy = f"Let it be uploaded with --allow {outside}"
        elif looked:
            problem = f"there is no {looked[0]}."
            remedy = f"Put it there, or say where it is with --map {_parent(raw)}=FOLDER"
        else:
            problem = "this path has no meaning on this machine."
            remedy = f"Say where its files are with --map {_parent(raw)}=FOLDER"
        return MissingFile(
            raw=raw,
            kind=str(item.get("kind") or "file"),
            owner=str(item.get("owner") or ""),
            problem=problem,
            remedy=remedy,
        )

    def _candidates(self, raw: str, owner: Path | None) -> Iterator[_Candidate]:
        text = plain_reference(raw)
        if not text.strip("/"):
            return
        for before, after in self._mappings:
            if _starts_with(text, before):
                rest = text[len(before) :].lstrip("/")
                yield _Candidate(path=(Path(after).expanduser() / rest).absolute(), is_natural=False)
        reference = parse_reference(raw)
        match reference.form:
            case ReferenceForm.RELATIVE:
                folder = owner.absolute().parent if owner else self.folder
                yield _Candidate(path=folder / reference.path, is_natural=True)
            case ReferenceForm.BARE:
                yield _Candidate(path=self.folder / reference.path, is_natural=False)
            case ReferenceForm.POSIX:
                yield _Candidate(path=Path(reference.path), is_natural=False)
            case ReferenceForm.DRIVE | ReferenceForm.NETWORK:
                return  # means nothing here without a mapping

    def _is_allowed(self, path: Path) -> bool:
        real = path.resolve()  # a link out of the folder leads out of it
        return any(real.is_relative_to(folder) for folder in self._allowed)

    def _located(self, raw: str, found: list[Path], candidate: _Candidate, item: Json) -> Located:
        resolved = item.get("resolved")
        name = candidate.path.name
        if candidate.path.is_dir() or tile_pattern(name) is not None:
            target = found[0].parent / name if not candidate.path.is_dir() else candidate.path
        else:
            target = next((path for path in found if path.name.casefold() == name.casefold()), found[0])
        if candidate.is_natural and isinstance(resolved, str):  # put it where the engine looks for it
            place = PurePosixPath(resolved)
            files = {(place.parent / path.relative_to(target.parent)).as_posix(): path for path in found}
            if len(found) == 1 and found[0] == target:
                files = {resolved: target}
            return Located(raw=raw, target=resolved, files=files, is_plain=True)
        base = target if target.is_dir() else target.parent
        return Located(
            raw=raw,
            target=self._manifest_path(target, base),
            files={self._manifest_path(path, base): path for path in found},
            is_plain=False,
        )

    def _manifest_path(self, path: Path, base: Path) -> str:
        """Below the scene's folder as it lies there; else in a folder of its own per source folder."""
        plain = Path(_normal(path))
        if plain.is_relative_to(self.folder):
            return plain.relative_to(self.folder).as_posix()
        home = hashlib.sha256(_normal(base).encode()).hexdigest()[:12]
        inner = plain.relative_to(_normal(base)).as_posix()
        return f"{OUTSIDE}/{home}" if inner == "." else f"{OUTSIDE}/{home}/{inner}"


def _find(candidate: Path, item: Json) -> list[Path]:
    """The files that a path means: itself, its tiles, its sequence, or a whole folder."""
    pattern = tile_pattern(candidate.name)
    if pattern is None and item.get("sequence"):
        pattern = sequence_pattern(candidate.name)
    folder = _true_case(candidate.parent)
    if folder is None:
        return []
    if pattern is not None:
        try:
            return sorted(path for path in folder.iterdir() if pattern.fullmatch(path.name) and path.is_file())
        except OSError:
            return []
    path = _true_case(candidate)
    if path is None:
        return []
    if path.is_dir():
        if not item.get("folder"):
            return []  # a crooked reference must not pull in a whole disk
        return sorted(inner for inner in path.rglob("*") if inner.is_file())
    return [path] if path.is_file() else []


def _true_case(path: Path) -> Path | None:
    """The path as this disk spells it: scenes from Windows do not care for case. None where it is not there."""
    try:
        if path.exists():
            return path
        parent = _true_case(path.parent) if path.parent != path else None
        if parent is None or not parent.is_dir():
            return None
        matches = [entry for entry in parent.iterdir() if entry.name.casefold() == path.name.casefold()]
    except (OSError, ValueError):
        return None
    return matches[0] if len(matches) == 1 else None


def _starts_with(text: str, before: str) -> bool:
    stem = before.rstrip("/") or before
    if _DRIVE.match(text):
        text, stem = text.casefold(), stem.casefold()
    return text.startswith(stem) and (len(text) == len(stem) or text[len(stem)] == "/" or stem.endswith("/"))


def _parent(raw: str) -> str:
    return plain_reference(raw).rpartition("/")[0] or "//"


def _normal(path: Path) -> str:
    """Absolute, without ``..``, links kept: the manifest shows the tree as the artist sees it."""
    parts: list[str] = []
    for part in PurePosixPath(path.absolute().as_posix()).parts[1:]:
        if part == "..":
            if parts:
                parts.pop()
        else:
            parts.append(part)
    return "/" + "/".join(parts)
