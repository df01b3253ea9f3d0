"""Brings artifacts home: atomic, verified, resumed, and never the same file twice."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path, PurePosixPath

import httpx

from rayfarm._transport import Transport, refusal
from rayfarm.errors import ClientError, DownloadCorrupt, FarmRefused, FarmUnreachable, UsageError
from rayfarm.types import Artifact
from rayfarm.uploads import hash_file

_CONTENT_RANGE = re.compile(r"bytes (\d+)-\d*/(?:\d+|\*)")
_LINK_OVER = frozenset({401, 403, 404, 410})
"""Answers to a link whose time is over; a fresh one is asked for once."""


class Fetched(StrEnum):
    """What a download came to."""

    DOWNLOADED = "downloaded"
    SAME = "same"
    """An identical file was already there."""


def destination_of(folder: Path, artifact: Artifact) -> Path:
    """Where an artifact goes: by the job's naming template, or else frames and films plainly and the scene's own extra
    files in a folder of theirs."""
    if artifact.path:
        return safe_destination(folder, artifact.path)
    return safe_destination(folder / "extra" if artifact.kind == "extra" else folder, artifact.name)


def safe_destination(folder: Path, name: str) -> Path:
    """Where an artifact of this name goes in ``folder``; a name that leads out of it is refused."""
    relative = PurePosixPath(name.replace("\\", "/"))
    parts = relative.parts
    if not parts or relative.is_absolute() or ".." in parts or ":" in parts[0] or "\0" in name:
        raise UsageError(f"The farm named a file {name!r}, which would leave {folder}; it was not written.")
    return folder.joinpath(*parts)


def download(
    transport: Transport,
    artifact: Artifact,
    destination: Path,
    *,
    refresh: Callable[[], Artifact],
) -> Fetched:
    """Fetch one artifact to ``destination``; ``refresh`` gives it with a fresh link when the first is over."""
    if _is_same(destination, artifact):
        return Fetched.SAME
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(destination, error) from error
    partial = destination.with_name(f".{destination.name}.{artifact.sha256[:12]}.part")
    for last_try in (False, True):
        _fetch_into(transport, artifact, partial, refresh=refresh)
        found = hash_file(partial).digest
        if found == artifact.sha256:
            partial.replace(destination)
            return Fetched.DOWNLOADED
        partial.unlink(missing_ok=True)  # a resumed part may have been damaged: once more from the start
        if last_try:
            break
    raise DownloadCorrupt(
        f"{artifact.name} came with digest {found[:12]}…, the farm promised {artifact.sha256[:12]}….",
        remedy="Nothing was written. Try again; if it stays so, the farm's storage is damaged: see `rayfarm status`.",
    )


def save(transport: Transport, url: str, destination: Path) -> int:
    """Write one answer to ``destination``, by a rename once it is whole; how many bytes. Not resumed."""
    partial = destination.with_name(f".{destination.name}.part")
    size = 0
    try:
        destination.parent.mkdir(parents=True, exist_ok=True)
        with transport.stream(url, headers={"Accept-Encoding": "identity"}) as response:
            if response.is_error:
                raise refusal(response)
            with partial.open("wb") as file:
                for chunk in response.iter_bytes():
                    size += file.write(chunk)
        partial.replace(destination)
    except httpx.TransportError as error:
        raise FarmUnreachable(
            f"The download of {destination.name} was cut off after {size} bytes: {error}.",
            remedy="Nothing was kept. Try again; `rayfarm sync` goes on where it was, file by file.",
        ) from error
    except OSError as error:
        raise _unwritable(destination, error) from error
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)
    return size


def _fetch_into(transport: Transport, artifact: Artifact, partial: Path, *, refresh: Callable[[], Artifact]) -> None:
    """Append to ``partial`` until it is whole; every byte of progress renews the patience."""
    retry = transport.retries()
    url = artifact.url
    refreshed = False
    while True:
        start = partial.stat().st_size if partial.exists() else 0
        if start > artifact.size_bytes:
            partial.unlink()
            start = 0
        if start == artifact.size_bytes and partial.exists():
            return
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            with transport.stream(url, headers={**headers, "Accept-Encoding": "identity"}) as response:
                if response.status_code in _LINK_OVER and not refreshed:
                    refreshed = True
                    url = refresh().url
                    continue
                if response.status_code == 416:
                    partial.unlink(missing_ok=True)
                    if not start:
                        raise refusal(response)
                    continue
                if response.is_error:
                    error = refusal(response)
                    if isinstance(error, FarmRefused) or not retry.after_answer(response):
                        raise error
                    continue
                if _write(response, partial, start, limit=artifact.size_bytes):
                    retry.reset()
        except httpx.TransportError as error:
            if partial.exists() and partial.stat().st_size > start:
                retry.reset()
            retry.after_error(error)
            continue
        size = partial.stat().st_size if partial.exists() else 0
        if size < artifact.size_bytes:  # a clean end that came too early
            retry.after_error(ClientError("the download ended early"))


def _write(response: httpx.Response, partial: Path, start: int, *, limit: int) -> bool:
    """Write the body behind ``start`` (or from 0 where the server sent the whole); True if any byte came.

    Raises ``DownloadCorrupt`` once the file is longer than ``limit`` bytes.
    """
    match = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
    resumed = response.status_code == 206 and match is not None and int(match[1]) == start
    any_byte = False
    try:
        with partial.open("ab" if resumed else "wb") as file:
            for chunk in response.iter_bytes():  # as it comes: a buffered piece would be lost with the line
                file.write(chunk)
                any_byte = True
                if file.tell() > limit:
                    raise DownloadCorrupt(
                        f"{response.url.path} is longer than the {limit} bytes that the farm promised.",
                        remedy="Nothing was written. If it stays so, look whether this is the address of your farm.",
                    )
    except DownloadCorrupt:
        partial.unlink(missing_ok=True)
        raise
    except OSError as error:
        with suppress(OSError):
            partial.unlink()
        raise _unwritable(partial, error) from error
    return any_byte


def _is_same(destination: Path, artifact: Artifact) -> bool:
    try:
        if destination.stat().st_size != artifact.size_bytes:
            return False
    except OSError:
        return False
    return hash_file(destination).digest == artifact.sha256


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path.parent} cannot be written: {error.strerror or error}.", remedy="Choose another folder with --out."
    )
