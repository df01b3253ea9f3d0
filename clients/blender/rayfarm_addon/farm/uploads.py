# SPDX-License-Identifier: GPL-3.0-or-later
"""Brings files to the farm: hashed once, and only those that the farm lacks."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from .errors import SceneProblem, Stopped
from .http import Farm

READ_BYTES = 1 << 20
DIGESTS_PER_QUESTION = 1000
PARALLEL_UPLOADS = 4
"""A scene has few large files and many small ones, whose round trips are worth overlapping."""

Tell = Callable[[str, float], None]
"""Called with words and the fraction done, 0 to 1; from several threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """A file by its content."""

    path: Path
    digest: str
    size_bytes: int


class Digests:
    """Digests of files, kept while size and time of change stay: textures are not read anew for each submit."""

    def __init__(self) -> None:
        self._known: dict[Path, tuple[int, int, str]] = {}
        self._lock = threading.Lock()

    def of(self, path: Path, *, stop: threading.Event) -> Blob:
        """Raises ``SceneProblem`` where it cannot be read."""
        try:
            found = path.stat()
            with self._lock:
                known = self._known.get(path)
            if known and known[:2] == (found.st_size, found.st_mtime_ns):
                return Blob(path=path, digest=known[2], size_bytes=known[0])
            digest = hashlib.sha256()
            size = 0
            for piece in _read(path):
                if stop.is_set():
                    raise Stopped
                digest.update(piece)
                size += len(piece)
        except OSError as error:
            raise _unreadable(path, error) from error
        with self._lock:
            self._known[path] = (size, found.st_mtime_ns, digest.hexdigest())
        return Blob(path=path, digest=digest.hexdigest(), size_bytes=size)

    def forget(self, path: Path) -> None:
        with self._lock:
            self._known.pop(path, None)


def upload(farm: Farm, paths: Sequence[Path], *, digests: Digests, tell: Tell) -> dict[Path, Blob]:
    """Upload what the farm lacks of the files."""
    done = 0
    lock = threading.Lock()
    blobs: dict[Path, Blob] = {}
    for number, path in enumerate(dict.fromkeys(paths)):
        tell(f"Reading {path.name}", number / len(paths))
        blobs[path] = digests.of(path, stop=farm.stop)
    by_digest = {blob.digest: blob for blob in blobs.values()}
    todo = [by_digest[digest] for digest in _lacking(farm, list(by_digest))]
    total = sum(blob.size_bytes for blob in todo)

    def note(size: int) -> None:
        nonlocal done
        with lock:
            done += size
            tell(f"Uploading {_mib(total)}", done / total if total else 1.0)

    with ThreadPoolExecutor(PARALLEL_UPLOADS, thread_name_prefix="rayfarm-upload") as pool:
        for _ in pool.map(lambda blob: _send(farm, blob, digests=digests, note=note), todo):
            pass
    return blobs


def _lacking(farm: Farm, digests: Sequence[str]) -> list[str]:
    lacking: list[str] = []
    for start in range(0, len(digests), DIGESTS_PER_QUESTION):
        part = list(digests[start : start + DIGESTS_PER_QUESTION])
        answer = farm.json("POST", "/v1/blobs/lacking", body={"digests": part})
        lacking += [digest for digest in answer["lacking"] if digest in part]
    return lacking


def _send(farm: Farm, blob: Blob, *, digests: Digests, note: Callable[[int], None]) -> None:
    sent = 0

    def pieces() -> Iterator[bytes]:
        """The last piece goes only if all make the promised digest: a file that changes is never half sent."""
        nonlocal sent
        note(-sent)  # of a try that broke off
        sent = 0
        digest = hashlib.sha256()
        held: bytes | None = None
        size = 0
        for piece in _read(blob.path):
            digest.update(piece)
            size += len(piece)
            if size > blob.size_bytes:
                break
            if held is not None:
                yield held
                sent += len(held)
                note(len(held))
            held = piece
        if size != blob.size_bytes or digest.hexdigest() != blob.digest:
            digests.forget(blob.path)
            raise SceneProblem(
                f"{blob.path} changed while it was uploaded.", remedy="Wait until it is written, then submit again."
            )
        yield held or b""
        sent += len(held or b"")
        note(len(held or b""))

    farm.put(f"/v1/blobs/{blob.digest}", pieces, size_bytes=blob.size_bytes)


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(READ_BYTES):
                yield piece
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: OSError) -> SceneProblem:
    return SceneProblem(f"{path} cannot be read: {error.strerror or error}.", remedy="Look at the file, submit again.")


def _mib(size_bytes: int) -> str:
    return f"{size_bytes / 2**20:.1f} MiB"
