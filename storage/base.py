"""The storage contract: what every backend promises about blobs and artifacts, and how it fails.

A *blob* is bytes named by their SHA-256. An *artifact* is an output under a key that holds its attempt, so that two
tries at one frame never meet. Both are immutable once visible, and neither is ever visible half-written.

RayfarmError
├── InvalidInput ── UploadIncomplete   fewer bytes came than were announced     (422)
│   │            └─ DigestMismatch     the bytes are not the ones that were named (422)
│   └── TooLarge ── UploadTooLarge     over the limit, or over its own announcement (413)
├── Forbidden ───── LinkInvalid        a download link that this farm did not sign (403)
│               └── LinkExpired        … that it signed, but whose time is over  (403)
├── NotFound ────── ObjectNotFound     no such blob or artifact                 (404)
└── Unavailable ─┬─ StorageFull        the disk, or the quota, has no room      (503)
                 └─ BlobDamaged        stored bytes no longer match their name  (503)
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Protocol

from jobs.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unavailable


class UploadIncomplete(InvalidInput):
    """The upload ended before all announced bytes had arrived."""

    code: ClassVar[str] = "upload-incomplete"


class DigestMismatch(InvalidInput):
    """The uploaded bytes do not have the SHA-256 that they were announced with."""

    code: ClassVar[str] = "digest-mismatch"


class UploadTooLarge(TooLarge):
    """The upload is larger than this farm allows."""

    code: ClassVar[str] = "upload-too-large"


class LinkInvalid(Forbidden):
    """This download link was not signed by this farm."""

    code: ClassVar[str] = "link-invalid"


class LinkExpired(Forbidden):
    """This download link has expired."""

    code: ClassVar[str] = "link-expired"


class ObjectNotFound(NotFound):
    """There is no such object in storage."""

    code: ClassVar[str] = "object-not-found"


class StorageFull(Unavailable):
    """The storage has no room left."""

    code: ClassVar[str] = "storage-full"


class BlobDamaged(Unavailable):
    """The stored bytes of a blob no longer have the SHA-256 that they are named by."""

    code: ClassVar[str] = "blob-damaged"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """One object that is safely stored."""

    key: str
    size_bytes: int
    sha256: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedObject:
    """One line of a listing."""

    key: str
    size_bytes: int
    stored_at: datetime
    """When it became visible, by the clock of the storage; S3 counts from when a large upload began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactUpload:
    """One file on its way into storage."""

    key: str
    source: Path
    media_type: str


class Storage(Protocol):
    """Blobs and artifacts. One contract suite (tests/storage) holds every implementation to these sentences.

    A call that fails or is cancelled leaves nothing visible and nothing behind; it returns only once that is so.
    Byte ranges are those of Python: ``start`` is included, ``end`` is not, and both are clipped to the object.
    """

    async def put_blob(self, digest: str, chunks: AsyncIterator[bytes], *, size_bytes: int | None = None) -> int:
        """Store the bytes under their digest and return how many there are.

        The bytes are always read and checked, also where the blob is there already: knowing a digest is not
        having the bytes. Raises DigestMismatch, UploadIncomplete, UploadTooLarge or StorageFull.
        """
        ...

    async def has_blob(self, digest: str) -> bool:
        """Say whether the blob is there, whole."""
        ...

    async def fetch_blob(self, digest: str, destination: Path) -> None:
        """Copy the blob to ``destination``: checked against its digest, read-only, atomic; never a link.

        The copy is not flushed to disk: it is for caches, which a power cut may empty.
        """
        ...

    async def put_artifact(self, key: str, source: Path, *, media_type: str, consume: bool = False) -> StoredObject:
        """Store a regular file under ``key``. ``source`` is a real path: no part of it is a symbolic link.

        With ``consume`` the source is gone afterwards, which on one file system saves copying it.
        """
        ...

    async def put_artifacts(self, uploads: Sequence[ArtifactUpload], *, consume: bool = False) -> list[StoredObject]:
        """Store all files of one frame or chunk, at less cost than one by one; on failure none of them stays."""
        ...

    async def fetch(self, key: str, destination: Path) -> None:
        """Copy the object to ``destination``, atomically. Raises ObjectNotFound."""
        ...

    async def stat(self, key: str) -> StoredObject | None:
        """Describe the object, or return None where there is none."""
        ...

    def stream(self, key: str, *, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes, None]:
        """Read a range of the object; the first step raises ObjectNotFound. ``aclose`` it when leaving early."""
        ...

    async def delete(self, key: str) -> None:
        """Remove the object; one that is not there is already removed."""
        ...

    async def list_objects(self, prefix: str, *, after: str = "", limit: int) -> list[ListedObject]:
        """Up to ``limit`` objects below ``prefix`` that come behind ``after``; fewer mean that the end is reached.

        ``prefix`` ends with a slash. The order is the same each time, and that of the keys where they differ within
        names of one length; else some servers sort folder by folder. What changes meanwhile may be listed or not.
        """
        ...

    def download_url(self, key: str, *, expires_in: timedelta, filename: str, media_type: str) -> str:
        """Make a link that works without credentials until it expires.

        S3 gives an absolute, presigned URL; local disk gives a path of the API, which adds its own address.
        """
        ...

    async def sweep(self) -> int:
        """Remove what uploads left behind whose process died, once it is old; return how many there were."""
        ...

    async def check(self) -> None:
        """Raise Unavailable, with the reason, where storage cannot be read and written."""
        ...

    async def close(self) -> None:
        """Let go of threads and connections, after the running calls have ended."""
        ...
