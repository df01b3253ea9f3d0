"""An object of S3 becomes a model: its bytes into the farm's storage, named by their SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import re
import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cluster.intake.aws import Aws, AwsUnavailable, error_code
from cluster.intake.messages import NewObject
from jobs.errors import InvalidInput, NotFound, TooLarge
from jobs.spec import plain_text
from models.kinds import ModelKind, kind_of
from models.manifest import Manifest, ManifestFile, check_path
from storage.base import Storage

_PIECE = 1024 * 1024
_GONE = {"NoSuchKey", "NoSuchVersion", "NoSuchBucket", "404", "PreconditionFailed", "412", "InvalidObjectState"}
"""Answers that asking again does not change: it was deleted, replaced or archived since the event."""
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredScene:
    """An object that lies in the farm's storage."""

    name: str
    manifest: Manifest

    @property
    def file(self) -> ManifestFile:
        return self.manifest.main_file


async def store_object(
    found: NewObject,
    *,
    kind: ModelKind | None,
    aws: Aws,
    storage: Storage,
    max_bytes: int,
    admit: Callable[[str, int], Awaitable[None]],
) -> StoredScene:
    """Copy exactly the version that the event tells of. ``admit`` refuses a digest and its bytes before they are
    stored. Raises ``NotFound``, ``TooLarge`` or ``InvalidInput`` where that is not to be had, and ``Unavailable`` where
    asking again may help."""
    name = _safe_name(found.key)
    kind = kind or kind_of(name)
    with tempfile.TemporaryDirectory(prefix="rayfarm-intake-") as folder:
        path = Path(folder) / "object"
        digest, size_bytes = await _download(found, path, aws=aws, max_bytes=max_bytes)
        await admit(digest, size_bytes)
        await storage.put_blob(digest, _pieces_of(path), size_bytes=size_bytes)
    file = ManifestFile(path=name, digest=digest, size_bytes=size_bytes)
    try:
        return StoredScene(name=name[:200], manifest=Manifest(kind=kind, main=name, files=(file,)))
    except ValidationError as error:
        raise InvalidInput(f"The object {found.url[:300]} cannot be a model: {error.errors()[0]['msg']}.") from error


async def _download(found: NewObject, path: Path, *, aws: Aws, max_bytes: int) -> tuple[str, int]:
    which: dict[str, Any] = {"Bucket": found.bucket, "Key": found.key}
    if found.version_id is not None:
        which["VersionId"] = found.version_id
    elif found.etag is not None:
        which["IfMatch"] = f'"{found.etag}"'
    stop = threading.Event()
    client = aws.client("s3")
    work = asyncio.ensure_future(aws.call(_copy, client=client, which=which, path=path, max_bytes=max_bytes, stop=stop))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        stop.set()  # a thread cannot be interrupted, and its folder is to be removed
        await asyncio.gather(work, return_exceptions=True)
        raise
    except AwsUnavailable as error:
        if error_code(error) in _GONE:
            raise NotFound(
                f"The object {found.url[:300]} is not there as the event tells of it: {error_code(error)}.",
                remedy="Upload it again.",
            ) from error
        raise


def _copy(*, client: Any, which: dict[str, Any], path: Path, max_bytes: int, stop: threading.Event) -> tuple[str, int]:
    answer = client.get_object(**which)
    announced = int(answer["ContentLength"])
    digest, size_bytes = hashlib.sha256(), 0
    body = answer["Body"]
    try:
        if announced > max_bytes:
            raise TooLarge(
                f"The object has {announced:,} bytes; {max_bytes:,} are allowed.",
                remedy="Upload it as a model by the API, or have RAYFARM_INTAKE_MAX_OBJECT_BYTES raised.",
                limit_bytes=max_bytes,
            )
        with path.open("wb") as file:
            for piece in body.iter_chunks(_PIECE):
                if stop.is_set():
                    break
                file.write(piece)
                digest.update(piece)
                size_bytes += len(piece)
    finally:
        body.close()
    if size_bytes != announced and not stop.is_set():
        raise ConnectionError(f"The object broke off at {size_bytes:,} of {announced:,} bytes.")
    return digest.hexdigest(), size_bytes


async def _pieces_of(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece


def _safe_name(key: str) -> str:
    """The last part of the key, where it may be a file's name in a model, and else one that has its ending."""
    last = key.rpartition("/")[2]
    try:
        return plain_text(check_path(last))
    except ValueError:
        ending = Path(_CONTROLS.sub("", last).replace("\\", "")).suffix
        return f"scene{ending if re.fullmatch(r'[.][A-Za-z0-9]{1,12}', ending) else ''}"
