# SPDX-License-Identifier: GPL-3.0-or-later
"""Lays the files of a scene out as the farm needs them: one tree in which relative references go on to work.

The tree's root is the scene's folder, or the folder above it that holds all that is referred to relatively. What is
referred to absolutely from elsewhere keeps its tree below ``external/``, and its reference is mapped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .errors import SceneProblem

EXTERNAL = "external"
_TILES = {"<UDIM>": r"\d{4}", "<UVTILE>": r"u\d+_v\d+"}
_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")
MOST_LINES = 12
"""Missing files that are told one by one; a panel holds no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """One external file of the open scene, as Blender stores it and as this disk has it."""

    raw: str
    path: Path
    """Absolute; may name a tile pattern, one file of a sequence, or a folder."""
    kind: str
    owner: str
    """Data-block that uses it."""
    owner_file: Path | None = None
    """The library that stores it; None: the scene itself."""
    sequence: bool = False
    folder: bool = False
    required: bool = True
    """Frames would differ without it."""

    @property
    def is_relative(self) -> bool:
        return self.raw.replace("\\", "/").startswith("//") and not self.raw.startswith("\\\\")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """What goes to the farm."""

    main: str
    """Manifest path of the scene."""
    files: dict[str, Path] = field(default_factory=dict)
    """Manifest path → file on this disk."""
    remap: dict[str, str] = field(default_factory=dict)
    """Reference → manifest path, of what Blender would not find by itself."""
    root: Path | None = None
    """Folder of this disk that is the top of the tree; None: the scene was never saved."""
    allowed: tuple[Path, ...] = ()
    """Folders whose files may be sent."""

    def may_send(self, path: Path) -> bool:
        """A link out of an allowed folder leads out of it."""
        return any(path.resolve().is_relative_to(folder) for folder in self.allowed)

    def here(self, manifest_path: str) -> Path | None:
        """Where a path of the tree lies on this disk, if it is below the root."""
        if self.root is None or manifest_path.startswith(f"{EXTERNAL}/"):
            return None
        return self.root / manifest_path


def gather(copy: Path, *, scene: Path | None, references: Sequence[Reference], allowed: Sequence[Path] = ()) -> Bundle:
    """The bundle of ``copy``, the scene as it stands in Blender; ``scene`` is its own file, None if never saved.

    Raises ``SceneProblem`` that names all that is missing, or that lies where the artist has not allowed to look:
    a scene of a stranger may refer to any file of this disk.
    """
    found = {reference: _find(reference) for reference in references}
    missing = [reference for reference, files in found.items() if not files and reference.required]
    if missing:
        raise SceneProblem(
            f"{_count(missing, 'file')} that the scene needs {'is' if len(missing) == 1 else 'are'} not there:",
            details=_shortened(f"{each.kind} of {each.owner}: {each.path}" for each in missing),
            remedy="Find them with File > External Data > Find Missing Files, then submit again.",
        )
    root = _root(scene, found) if scene else None
    main = _place(scene, root) if scene else copy.name
    homes = tuple(folder.resolve() for folder in [*([scene.parent] if scene else []), *allowed])
    bundle = Bundle(main=main, files={main: copy}, root=root, allowed=homes)
    _refuse_outside(bundle, found)
    spelled = {main.casefold(): main}
    for reference, files in found.items():
        if files:
            _add(bundle, reference, files, spelled)
    return bundle


def _add(bundle: Bundle, reference: Reference, files: Sequence[Path], spelled: dict[str, str]) -> None:
    target = reference.path if reference.folder or _pattern(reference) else files[0]
    outside = reference.owner_file is not None and not _is_below(reference.owner_file, bundle.root)
    root = None if outside and reference.is_relative else bundle.root  # the tree in which its owner lies
    places = {_place(file, root): file for file in files}
    meant = _place(target, root)
    for place, file in places.items():
        known = spelled.setdefault(place.casefold(), place)
        if known != place and meant == place:  # one file under two spellings, which no manifest may hold
            bundle.remap[reference.raw] = known
        bundle.files[known] = bundle.files.get(known, file)
    if not reference.is_relative:
        bundle.remap[reference.raw] = spelled.get(meant.casefold(), meant)


def _find(reference: Reference) -> list[Path]:
    """The files that a reference means: itself, its tiles, its sequence, or a whole folder."""
    path = reference.path
    pattern = _pattern(reference)
    try:
        if pattern is not None:
            return sorted(each for each in path.parent.iterdir() if pattern.fullmatch(each.name) and each.is_file())
        if path.is_file():
            return [path]
        if reference.folder and path.is_dir():
            return sorted(each for each in path.rglob("*") if each.is_file())
    except OSError:
        pass
    return []


def _pattern(reference: Reference) -> re.Pattern[str] | None:
    name = reference.path.name
    for token, digits in _TILES.items():
        if token in name:
            before, after = name.split(token, 1)
            return re.compile(re.escape(before) + digits + re.escape(after))
    match = _LAST_NUMBER.search(name) if reference.sequence else None
    if match is None:
        return None
    return re.compile(re.escape(name[: match.start()]) + r"\d+" + re.escape(name[match.end() :]))


def _root(scene: Path, found: dict[Reference, list[Path]]) -> Path:
    """The deepest folder that holds the scene and what it, and its libraries there, refer to relatively."""
    root = scene.parent
    while True:
        before = root
        for reference, files in found.items():
            stays = reference.owner_file is None or _is_below(reference.owner_file, root)
            if reference.is_relative and stays:
                for file in files:
                    root = _above(root, file)
        if root == before:
            return root


def _above(root: Path, file: Path) -> Path:
    while not file.is_relative_to(root) and root != root.parent:
        root = root.parent
    return root


def _is_below(path: Path, root: Path | None) -> bool:
    return root is not None and path.is_relative_to(root)


def _place(path: Path, root: Path | None) -> str:
    if root is not None and path.is_relative_to(root):
        return path.relative_to(root).as_posix()
    anchor = re.sub(r"[^A-Za-z0-9._-]+", "/", path.anchor).strip("/")
    inner = path.relative_to(path.anchor).as_posix()
    return "/".join(part for part in (EXTERNAL, anchor, inner) if part)


def _refuse_outside(bundle: Bundle, found: dict[Reference, list[Path]]) -> None:
    outside: dict[str, None] = {}
    for files in found.values():
        for file in files:
            if not bundle.may_send(file):
                outside[str(file.resolve().parent)] = None
    if outside:
        raise SceneProblem(
            f"The scene refers to files in {_count(outside, 'folder')} outside of its own:",
            details=_shortened(outside),
            remedy="Allow these folders if you know the scene; then submit again.",
            outside=tuple(outside),
        )


def _shortened(lines: Iterable[str]) -> list[str]:
    shown = list(lines)
    more = len(shown) - MOST_LINES
    return shown if more <= 0 else [*shown[:MOST_LINES], f"… and {more} more"]


def _count(things: Iterable[object], noun: str) -> str:
    number = len(list(things))
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain_path(text: str) -> Path:
    """Absolute, without ``..``; links stay, so that the tree is the one that the artist sees."""
    return Path(os.path.normpath(text))
