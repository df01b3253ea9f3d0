# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings frames and films home: verified by digest, written whole or not at all, and never the same file twice."""

from __future__ import annotations

import hashlib
import http.client
import re
import ssl
import urllib.error
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import FarmError, FarmRefused, Stopped
from .http import PASSING, Farm
from .uploads import READ_BYTES, Tell

KINDS = ("frame", "extra", "video")
PAGE = 200
_LINK_OVER = frozenset({401, 403, 404, 410})
_BROKEN_LINE = (ConnectionError, TimeoutError, http.client.HTTPException, urllib.error.URLError, ssl.SSLError)
"""Errors of the network; other ``OSError`` are of this disk."""
_ID = re.compile(r"[0-9a-fA-F-]{36}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def checked_id(job_id: str) -> str:
    """An id goes into a path, and comes from the farm: nothing but an id may stand there."""
    if not _ID.fullmatch(job_id):
        raise FarmError(f"{job_id[:60]!r} is no id of a job.")
    return job_id


def job_folder(root: Path, *, job_id: str, name: str) -> Path:
    """Folder of one job below ``root``: the same in each session, so that its files are found again."""
    plain = "".join(character if character.isalnum() or character in " -_" else "_" for character in name).strip()
    return root / f"{plain[:80] or 'job'}-{checked_id(job_id)[:8]}"


def fetch(farm: Farm, job_id: str, folder: Path, *, tell: Tell) -> list[Path]:
    """All files that the job has now, in ``folder``; films last."""
    files = sorted(_listed(farm, checked_id(job_id)), key=lambda item: item["kind"] == "video")
    paths = []
    for number, item in enumerate(files):
        tell(f"Downloading {item['name']}", number / len(files))
        path = destination(folder / "extra" if item["kind"] == "extra" else folder, str(item["name"]))
        _fetch_one(farm, item, path)
        paths.append(path)
    return paths


def destination(folder: Path, name: str) -> Path:
    """Where a file of this name goes; a name that leads out of the folder is refused."""
    relative = PurePosixPath(name.replace("\\", "/"))
    if not relative.parts or relative.is_absolute() or any(part == ".." or ":" in part for part in relative.parts):
        raise FarmError(f"The farm named a file {name[:80]!r}, which would leave {folder}; it was not written.")
    return folder.joinpath(*relative.parts)


def _listed(farm: Farm, job_id: str) -> Iterator[Mapping[str, Any]]:
    cursor = None
    while True:
        query = {"limit": PAGE, "kind": KINDS, **({"cursor": cursor} if cursor else {})}
        page = farm.json("GET", f"/v1/jobs/{job_id}/artifacts", query=query)
        yield from page["items"]
        cursor = page.get("next_cursor")
        if cursor is None:
            return


def _fetch_one(farm: Farm, item: Mapping[str, Any], path: Path) -> None:
    digest = str(item["sha256"])
    if not _DIGEST.fullmatch(digest):
        raise FarmError(f"The farm's answer holds {digest[:80]!r} where a SHA-256 belongs.")
    try:
        if path.is_file() and path.stat().st_size == item["size_bytes"] and _digest(path) == digest:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{digest[:12]}.part")
        partial.unlink(missing_ok=True)
        try:
            _write(farm, item, partial)
            if _digest(partial) != digest:
                raise FarmError(f"{item['name']} came damaged; nothing was written.", remedy="Try again.")
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise FarmError(
            f"{path} cannot be written: {error.strerror or error}.", remedy="Choose another folder for results."
        ) from error


def _write(farm: Farm, item: Mapping[str, Any], partial: Path) -> None:
    """Resumes where the line broke; a link whose time is over is asked for once more."""
    size_bytes, url = int(item["size_bytes"]), str(item["url"])
    refreshed = False
    tries = farm.tries()
    while (start := partial.stat().st_size if partial.exists() else 0) < size_bytes or not partial.exists():
        try:
            _continue(farm, url, partial, start=start, size_bytes=size_bytes)
            if partial.stat().st_size < size_bytes:
                raise ConnectionError("the download ended early")
        except FarmRefused as error:
            if error.status in _LINK_OVER and not refreshed:
                url, refreshed = str(farm.json("GET", f"/v1/artifacts/{checked_id(str(item['id']))}")["url"]), True
            elif error.status in PASSING:
                tries.after(error)
            else:
                raise
        except _BROKEN_LINE as error:
            if partial.exists() and partial.stat().st_size > start:
                tries.reset()
            tries.after(error)


def _continue(farm: Farm, url: str, partial: Path, *, start: int, size_bytes: int) -> None:
    with farm.reading(url, start=start) as answer:
        resumed = start > 0 and answer.status == 206
        with partial.open("ab" if resumed else "wb") as file:
            while piece := answer.read(READ_BYTES):
                if farm.stop.is_set():
                    raise Stopped
                file.write(piece)
                if file.tell() > size_bytes:
                    raise FarmError(f"{partial.name} is longer than the farm promised; nothing was written.")


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
