"""The manifest: which blobs a model is made of, under which paths, and which references mean which of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    FailFast,
    Field,
    StrictInt,
    StringConstraints,
    model_validator,
)

from models.kinds import ModelKind

MAX_FILES = 200_000
"""Files of one model; a fluid cache of 10,000 frames has 40,000."""
MAX_PATH_BYTES = 1024
"""A path that every file system of a farm can hold below its cache folder."""
MAX_NAME_BYTES = 255
"""One part of a path, on ext4, XFS and APFS."""
MAX_RAW_BYTES = 4096
"""A reference as stored in a scene; Blender's own limit is 1024."""
MAX_FILE_BYTES = 1 << 50
MAX_CHUNK_BYTES = 64 << 20
MAX_CHUNKS = 200_000
"""Chunks of all files of one model: 200 GB at the client's mean of 1 MiB, in 20 MB of manifest."""

_DRIVE = re.compile(r"^[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
UDIM = "<UDIM>"
UVTILE = "<UVTILE>"
_TILES = {UDIM: r"\d{4}", UVTILE: r"u\d+_v\d+"}


def check_path(path: str) -> str:
    """A safe relative POSIX path, or ``ValueError`` that says why not."""
    if not path:
        raise ValueError("a path may not be empty")
    if "\\" in path:
        raise ValueError(f"{path!r} contains a backslash; manifest paths use '/'")
    if _CONTROL.search(path):
        raise ValueError(f"{path!r} contains a control character")
    if path.startswith("/") or _DRIVE.match(path):
        raise ValueError(f"{path!r} is absolute; manifest paths are relative to the model's folder")
    try:
        length = len(path.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{path!r} is not valid Unicode") from None
    if length > MAX_PATH_BYTES:
        raise ValueError(f"{path[:80]!r}… is {length} bytes long; the limit is {MAX_PATH_BYTES}")
    for part in path.split("/"):
        if part in ("", ".", ".."):
            raise ValueError(f"{path!r} escapes its folder or is not normal: no empty part, '.' or '..'")
        if len(part.encode()) > MAX_NAME_BYTES:
            raise ValueError(f"{path[:80]!r}… has a name over {MAX_NAME_BYTES} bytes")
    return path


def tile_pattern(path: str) -> re.Pattern[str] | None:
    """What the files of a tiled image are called, if ``path`` names one (``wood.<UDIM>.png``)."""
    for token, digits in _TILES.items():
        if token in path:
            before, after = path.split(token, 1)
            return re.compile(re.escape(before) + digits + re.escape(after))
    return None


ManifestPath = Annotated[str, AfterValidator(check_path)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


_MOST_KEYS = 20
"""Of an object with three or four fields: each that is none of them would become an error of its own."""


class _FewKeys(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_keys(cls, data: Any) -> Any:
        if isinstance(data, dict) and len(data) > _MOST_KEYS:
            raise ValueError(f"{len(data)} fields, where there are {', '.join(cls.model_fields)}")
        return data


class FileChunk(_FewKeys):
    """A stretch of a file that is a blob of its own."""

    digest: Digest
    size_bytes: Annotated[StrictInt, Field(gt=0, le=MAX_CHUNK_BYTES)]


class ManifestFile(_FewKeys):
    """One file of a model: one blob, or with ``chunks`` several, one behind the other."""

    path: ManifestPath
    digest: Digest
    """Of the whole file. With chunks it is only a claim until the farm has put them together."""
    size_bytes: Annotated[StrictInt, Field(ge=0, le=MAX_FILE_BYTES)]
    chunks: Annotated[
        tuple[FileChunk, ...],
        FailFast(),
        Field(
            max_length=MAX_CHUNKS,
            exclude_if=lambda chunks: not chunks,
            description="The file as blobs in their order, whose sizes add up to its own; none: it is one blob. "
            "How a file is cut does not change the model's digest.",
        ),
    ] = ()

    @model_validator(mode="after")
    def _is_the_sum_of_its_chunks(self) -> Self:
        if self.chunks and (total := sum(chunk.size_bytes for chunk in self.chunks)) != self.size_bytes:
            raise ValueError(f"the chunks of {self.path!r} have {total} bytes together, the file {self.size_bytes}")
        return self


class Manifest(_FewKeys):
    """All of a model, by content. Two equal manifests are one model."""

    kind: ModelKind
    main: ManifestPath
    """The file that the engine opens."""
    files: Annotated[tuple[ManifestFile, ...], FailFast(), Field(min_length=1, max_length=MAX_FILES)]
    remap: dict[Annotated[str, StringConstraints(min_length=1, max_length=MAX_RAW_BYTES)], ManifestPath] = Field(
        default_factory=dict, max_length=MAX_FILES
    )
    """Reference as the engine sees it in the model → manifest path of a file, a folder, or a tiled name
    (``wood.<UDIM>.png``). Needed only for what the engine would not find by itself."""

    @model_validator(mode="after")
    def _is_one_tree(self) -> Self:
        paths = [file.path for file in self.files]
        _refuse_clashes(paths)
        chunks = sum(len(file.chunks) for file in self.files)
        if chunks > MAX_CHUNKS:
            raise ValueError(f"the files have {chunks} chunks together; a model may have {MAX_CHUNKS}")
        known = set(paths)
        if self.main not in known:
            raise ValueError(f"the main file {self.main!r} is not among the files")
        folders = _folders(paths)
        for raw, target in self.remap.items():
            pattern = tile_pattern(target)
            if pattern is not None:
                covered = any(pattern.fullmatch(path) for path in paths)
            else:
                covered = target in known or target in folders
            if not covered:
                raise ValueError(f"the reference {raw!r} is mapped to {target!r}, which is not among the files")
        return self

    @property
    def size_bytes(self) -> int:
        """Of all files, a blob that appears twice counted twice."""
        return sum(file.size_bytes for file in self.files)

    @property
    def main_file(self) -> ManifestFile:
        return next(file for file in self.files if file.path == self.main)

    def digest(self) -> str:
        """SHA-256 of the canonical JSON; neither the order of files nor of keys changes it, nor how a file is cut."""
        canonical = {
            "kind": self.kind.value,
            "main": self.main,
            "files": sorted([file.path, file.digest, file.size_bytes] for file in self.files),
            "remap": self.remap,
        }
        text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def cache_key(self) -> str:
        """What its files on a machine's disk are found by: ``digest()``, and of files in chunks also the chunks.

        A cut file's digest is a claim. Were its copy found by that alone, who knows the digest of another project's
        file could be given the file.
        """
        cuts = sorted([file.path, *(chunk.digest for chunk in file.chunks)] for file in self.files if file.chunks)
        if not cuts:
            return self.digest()
        text = json.dumps([self.digest(), cuts], separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode()).hexdigest()


def _folders(paths: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for path in paths:
        parent = path.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


def _refuse_clashes(paths: list[str]) -> None:
    seen: dict[str, str] = {}
    for path in paths:
        other = seen.get(path.casefold())
        seen[path.casefold()] = path
        if other is not None:
            what = "twice in the manifest" if other == path else f"the same as {other!r} where case does not matter"
            raise ValueError(f"{path!r} is {what}; rename one of them")
    for folder in _folders(paths):
        if folder.casefold() in seen:
            raise ValueError(f"{seen[folder.casefold()]!r} is both a file and a folder")
