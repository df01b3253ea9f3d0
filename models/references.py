"""What a reference stored in a scene means: on the farm, where a manifest decides, and on the disk of whoever sends it.

Blender stores `//textures/wood.png` (beside the file), `/mnt/show/wood.png`, `C:\\show\\wood.png` and
`\\\\server\\share\\wood.png`, with either slash. Inside a linked library `//` is the library's own folder.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from models.manifest import tile_pattern

_DRIVE = re.compile(r"^[A-Za-z]:(?=/|$)")
_DEPTH = 64
"""Folders pretended above the model, so that `..` has somewhere to go."""
_LAST_NUMBER = re.compile(r"(\d+)(?=\D*$)")


class ReferenceForm(StrEnum):
    """How a reference is written."""

    RELATIVE = "relative"
    """`//` first: from the folder of the file that stores it."""
    POSIX = "posix"
    DRIVE = "drive"
    NETWORK = "network"
    """`\\\\server\\share` first."""
    BARE = "bare"
    """Neither: Blender would look in the folder that its process happens to run in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A reference, taken apart."""

    form: ReferenceForm
    path: str
    """With forward slashes: after the `//`, or the whole absolute path (`C:/show/a.png`, `//server/share/a.png`)."""

    @property
    def is_absolute(self) -> bool:
        return self.form in (ReferenceForm.POSIX, ReferenceForm.DRIVE, ReferenceForm.NETWORK)

    @property
    def name(self) -> str:
        return posixpath.basename(self.path.rstrip("/"))


def parse_reference(raw: str) -> Reference:
    """The form of a raw reference."""
    if raw.startswith("\\\\"):
        return Reference(form=ReferenceForm.NETWORK, path=raw.replace("\\", "/"))
    plain = plain_reference(raw)
    if plain.startswith("//"):
        return Reference(form=ReferenceForm.RELATIVE, path=plain[2:].lstrip("/"))
    if plain.startswith("/"):
        return Reference(form=ReferenceForm.POSIX, path=plain)
    if _DRIVE.match(plain):
        return Reference(form=ReferenceForm.DRIVE, path=plain)
    return Reference(form=ReferenceForm.BARE, path=plain)


def plain_reference(raw: str) -> str:
    """Forward slashes only: how references are compared, since Blender turns some of them round while it loads."""
    return raw.replace("\\", "/")


def natural_path(raw: str, *, base_file: str) -> str | None:
    """The manifest path where Blender looks by itself, if the reference is stored in `base_file`.

    `None`: it looks outside the model's folder, where the farm has nothing for it.
    """
    reference = parse_reference(raw)
    if reference.form is not ReferenceForm.RELATIVE:
        return None
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(base_file), reference.path))
    return None if joined in (".", "..") or joined.startswith(("../", "/")) else joined


def rebase(raw: str, *, base_file: str, owner_file: str | None) -> str:
    """A reference from `base_file`, written as from `owner_file`: Blender rewrites those of nested libraries."""
    reference = parse_reference(raw)
    if owner_file is None or owner_file == base_file or reference.form is not ReferenceForm.RELATIVE:
        return raw
    place = posixpath.join("/_" * _DEPTH, posixpath.dirname(base_file), reference.path)
    return "//" + posixpath.relpath(place, posixpath.join("/_" * _DEPTH, posixpath.dirname(owner_file)))


def sequence_pattern(name: str) -> re.Pattern[str] | None:
    """What the files of a numbered sequence are called, by one of them; `None` if it has no number."""
    match = _LAST_NUMBER.search(name)
    if match is None:
        return None
    return re.compile(re.escape(name[: match.start()]) + r"\d+" + re.escape(name[match.end() :]))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileIndex:
    """The files of a manifest, for many questions."""

    files: frozenset[str]
    folders: Mapping[str, frozenset[str]] = field(repr=False)
    """Folder → names of the files directly in it."""
    remap: Mapping[str, str]

    @classmethod
    def of(cls, paths: Iterable[str], remap: Mapping[str, str]) -> FileIndex:
        files = frozenset(paths)
        folders: dict[str, set[str]] = {}
        for path in files:
            parent, name = posixpath.split(path)
            folders.setdefault(parent, set()).add(name)
            while parent:
                parent = posixpath.dirname(parent)
                folders.setdefault(parent, set())
        return cls(
            files=files,
            folders={folder: frozenset(names) for folder, names in folders.items()},
            remap={plain_reference(raw): path for raw, path in remap.items()},
        )

    def target(self, raw: str, *, base_file: str) -> str | None:
        """The manifest path that the reference leads to, whether or not a file is there."""
        return self.remap.get(plain_reference(raw)) or natural_path(raw, base_file=base_file)

    def holds(self, target: str, *, sequence: bool = False, folder: bool = False) -> bool:
        """Whether the manifest has the file, any tile or frame of it, or anything below the folder."""
        if folder and target in self.folders:
            return True
        parent, name = posixpath.split(target)
        pattern = tile_pattern(name) or (sequence_pattern(name) if sequence else None)
        if pattern is not None:
            return any(pattern.fullmatch(each) for each in self.folders.get(parent, ()))
        return target in self.files
