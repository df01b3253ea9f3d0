"""The files of a static export, read once, and which of them answers an address.

Next.js writes a page as a folder (``jobs/index.html``). A section whose parts are only known at run time is written
once, under the name ``_``: whatever stands in an address at that place is answered with what lies below ``_``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from serve_app.web.policy import hashes_of

INDEX, NOT_FOUND = "index.html", "404.html"
_ANY = "_"
"""The folder that stands for whatever an address has at its place."""

_NO_NAME = frozenset({"", ".", ".."})
"""What names nothing by itself, so that no section has a part of it."""

_CODINGS = {"br": ".br", "gzip": ".gz"}
"""The better one first."""

_OTHER = "application/octet-stream"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".mp4": "video/mp4",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
    ".xml": "application/xml",
}
"""Ours, and not the machine's: a browser that is told not to guess runs no script of another type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebFile:
    """One file as it is sent."""

    content: bytes
    digest: str
    media_type: str
    coded: Mapping[str, bytes] = field(default_factory=dict)
    """By content coding: the same, compressed when it was built."""
    script_hashes: tuple[str, ...] = ()
    """Of the scripts that stand in a page itself."""

    @property
    def is_page(self) -> bool:
        return self.media_type.startswith("text/html")


_Folder = dict[str, "WebFile | _Folder"]


class Export:
    """An index of the files. No address is ever looked for on the disk."""

    def __init__(self, root: _Folder) -> None:
        self._root = root

    @property
    def not_found(self) -> WebFile | None:
        """The page that says so."""
        found = self._root.get(NOT_FOUND)
        return found if isinstance(found, WebFile) else None

    @property
    def pages(self) -> Iterator[WebFile]:
        """Every page."""
        return (file for file in _files_in(self._root) if file.is_page)

    def find(self, path: str) -> WebFile | None:
        """What answers an address, which begins with a slash; None: nothing."""
        *folders, name = path.split("/")[1:]
        return _find(self._root, [*folders, name or INDEX])

    def is_page_without_slash(self, path: str) -> bool:
        """Whether the page is there, at the same address with a slash behind it."""
        return not path.endswith("/") and self.find(f"{path}/") is not None


def read_export(folder: Path) -> Export | None:
    """None where the folder holds no export. Links are left out: they may lead to anything."""
    if not (folder / INDEX).is_file():
        return None
    return Export(_read(folder))


def _read(folder: Path) -> _Folder:
    entries = {entry.name: entry for entry in sorted(folder.iterdir()) if not entry.is_symlink()}
    neighbours = {f"{name}{suffix}" for name in entries for suffix in _CODINGS.values()}
    read: _Folder = {}
    for name, entry in entries.items():
        if entry.is_dir():
            read[name] = _read(entry)
        elif entry.is_file() and name not in neighbours:
            coded = {
                coding: entries[name + suffix].read_bytes()
                for coding, suffix in _CODINGS.items()
                if name + suffix in entries
            }
            read[name] = _file_of(name, entry.read_bytes(), coded)
    return read


def _file_of(name: str, content: bytes, coded: Mapping[str, bytes]) -> WebFile:
    suffix = Path(name).suffix.lower()
    return WebFile(
        content=content,
        digest=hashlib.sha256(content).hexdigest()[:32],
        media_type=_MEDIA_TYPES.get(suffix, _OTHER),
        coded=coded,
        script_hashes=hashes_of(content.decode()) if suffix == ".html" else (),
    )


def _find(folder: _Folder, path: list[str]) -> WebFile | None:
    name, *rest = path
    found = folder.get(name)
    if not rest:
        return found if isinstance(found, WebFile) else None
    for below in (found, folder.get(_ANY) if name not in _NO_NAME else None):
        if isinstance(below, dict) and (file := _find(below, rest)) is not None:
            return file
    return None


def _files_in(folder: _Folder) -> Iterator[WebFile]:
    for entry in folder.values():
        if isinstance(entry, WebFile):
            yield entry
        else:
            yield from _files_in(entry)
